"""Loads, in the processes that fork, what every fork would load: tasks and parsings start warm.

Tasks fork from the scheduler, parsings from the DAG processor. Airflow imports this module by its name in each of its
processes. It configures nothing. Millrace's own code is loaded too: a change of it needs a restart of the stack.
"""

from __future__ import annotations

import importlib
import logging
import pkgutil
import sys
from collections.abc import Iterable, Iterator

__all__: list[str] = []  # Airflow takes a module's other names for settings

LIBRARIES = (
    "boto3",
    "great_expectations",
    "matplotlib.backends.backend_agg",
    "matplotlib.figure",
    "mlflow.models",
    "mlflow.pyfunc",
    "mlflow.sklearn",
    "mlflow.tracking",
    "optuna",
    "pandas",
    "pyarrow.feather",
    "pyarrow.parquet",
    "pymongo",
    "scipy.stats",
    "skops.io",
    "sklearn.compose",
    "sklearn.datasets",
    "sklearn.ensemble",
    "sklearn.inspection",
    "sklearn.linear_model",
    "sklearn.neural_network",
    "xgboost",
)
ROOMS = (
    "pipeline",
    "stages",
    "sources",
    "transforms",
    "quality",
    "features",
    "estimators",
    "stores",
    "spec",
    "drift",
    "alerts",
)


def _parsing() -> Iterator[str]:
    yield from ("airflow.sdk", "millrace.spec.catalogue")


def _stages() -> Iterator[str]:
    yield from LIBRARIES
    for room in ROOMS:
        package = importlib.import_module(f"millrace.{room}")
        yield package.__name__
        for found in pkgutil.walk_packages(getattr(package, "__path__", []), f"{package.__name__}."):
            yield found.name


def _warm(modules: Iterable[str]) -> None:
    for name in modules:
        try:
            importlib.import_module(name)
        except Exception:
            # A fork that needs it will say so, whatever the fault is; the process must start.
            logging.getLogger(__name__).warning("%s cannot be imported ahead", name, exc_info=True)


NEEDED = {"scheduler": _stages, "dag-processor": _parsing}

for _command in sys.argv[1:2]:
    if _command in NEEDED:
        _warm(NEEDED[_command]())
