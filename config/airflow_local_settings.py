"""Loads, in the scheduler alone, what every task would load: tasks fork from it and start warm.

Airflow imports this module by its name in each of its processes. It configures nothing.
"""

from __future__ import annotations

import importlib
import logging
import sys

__all__: list[str] = []  # Airflow takes a module's other names for settings

MODULES = (
    "pandas",
    "pyarrow.parquet",
    "pyarrow.fs",
    "sklearn.ensemble",
    "sklearn.pipeline",
    "great_expectations",
    "mlflow.sklearn",
    "boto3",
    "pymongo",
    "millrace.pipeline",
)


def _warm() -> None:
    for name in MODULES:
        try:
            importlib.import_module(name)
        except ImportError:
            # A task that needs it will say so; the scheduler must start.
            logging.getLogger(__name__).warning("%s cannot be imported before the tasks need it", name, exc_info=True)


if sys.argv[1:2] == ["scheduler"]:
    _warm()
