"""Loads, in the scheduler alone, what every task would load: tasks fork from it and start warm.

Airflow imports this module by its name in each of its processes. It configures nothing. Millrace's own code is loaded
too, so that a change of that code needs a restart of the scheduler.
"""

from __future__ import annotations

import importlib
import logging
import pkgutil
import sys
from collections.abc import Iterator

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
ROOMS = ("pipeline", "stages", "sources", "transforms", "quality", "features", "estimators", "stores", "spec")


def _modules() -> Iterator[str]:
    yield from LIBRARIES
    for room in ROOMS:
        package = importlib.import_module(f"millrace.{room}")
        yield package.__name__
        for found in pkgutil.walk_packages(getattr(package, "__path__", []), f"{package.__name__}."):
            yield found.name


def _warm() -> None:
    for name in _modules():
        try:
            importlib.import_module(name)
        except Exception:
            # A task that needs it will say so, whatever the fault is; the scheduler must start.
            logging.getLogger(__name__).warning("%s cannot be imported before the tasks need it", name, exc_info=True)


if sys.argv[1:2] == ["scheduler"]:
    _warm()
