"""Parses the DAG folder as Airflow does and prints what came of it as JSON; the tests run it in its own process."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from pathlib import Path
from typing import Any

DAGS = Path(__file__).resolve().parents[3] / "dags"
HEAVY = (
    "pandas",
    "numpy",
    "sklearn",
    "mlflow",
    "pyarrow",
    "great_expectations",
    "pymongo",
    "boto3",
    "optuna",
    "xgboost",
)


def main() -> None:
    with contextlib.redirect_stdout(sys.stderr):
        from airflow.dag_processing.dagbag import BundleDagBag
        from airflow.serialization.serialized_objects import DagSerialization

        bag = BundleDagBag(dag_folder=str(DAGS), bundle_path=DAGS)
        heavy = [name for name in HEAVY if name in sys.modules]
        os.environ["_AIRFLOW_PARSING_CONTEXT_DAG_ID"] = "flowers"
        one = BundleDagBag(dag_folder=str(DAGS), bundle_path=DAGS)
        found = {
            "heavy": heavy,
            "errors": bag.import_errors,
            "one": {"dags": one.dag_ids, "errors": one.import_errors},
            "dags": {dag.dag_id: described(dag, DagSerialization.serialize_dag(dag)) for dag in bag.dags.values()},
        }
    sys.stdout.write(json.dumps(found, default=str))


def described(dag: Any, serialized: dict[str, Any]) -> dict[str, Any]:
    return {
        "description": dag.description,
        "doc": dag.doc_md,
        "tags": sorted(dag.tags),
        "catchup": dag.catchup,
        "max_active_runs": dag.max_active_runs,
        "timetable": [serialized["timetable"]["__type"], serialized["timetable"]["__var"]],
        "refused": [conf for conf in CONFS if refuses(dag, conf)],
        "tasks": {
            task.task_id: {
                "after": sorted(task.upstream_task_ids),
                "outlets": [outlet.name for outlet in task.outlets],
                "owner": task.owner,
                "mapped": task.is_mapped,
                "pauses": [
                    task.retry_delay.total_seconds() * task.retry_exponential_backoff**number
                    for number in range(task.retries)
                ],
            }
            for task in dag.tasks
        },
    }


CONFS: list[dict[str, Any]] = [
    {"use_cache": False},
    {"use_cache": "yes"},
    {"interval_start": "2026-01-01", "interval_end": "2026-01-02T06:00:00+01:00"},
    {"interval_start": "yesterday"},
    {"interval_end": 5},
]


def refuses(dag: Any, conf: dict[str, Any]) -> bool:
    from airflow.sdk import Param
    from airflow.sdk.exceptions import ParamValidationError

    for name, value in conf.items():
        if name not in dag.params:
            return True
        declared: Param = dag.params.get_param(name)
        try:
            declared.resolve(value)
        except ParamValidationError:
            return True
    return False


main()
