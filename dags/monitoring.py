"""One Airflow DAG for each pipeline that is watched: when the check runs, and the asset event that trains again.

Wiring only: the task calls `millrace.stages.monitor`. Its DAG is `monitoring.<pipeline>`, a name that no pipeline can
have. Where the check sets off a retraining, the task updates the asset `drift/<pipeline>`, on which `training.py`
waits.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import (
    DAG,
    Asset,
    AssetAlias,
    CronTriggerTimetable,
    get_current_context,
    get_parsing_context,
    task,
)
from airflow.sdk.exceptions import AirflowSkipException
from dag_defaults import START, default_args

from millrace.settings import get_settings
from millrace.spec.catalogue import LoadedSpec
from millrace.spec.installed import specs_by_dag
from millrace.task_end import end_task

PREFIX = "monitoring."


def build_dag(loaded: LoadedSpec) -> DAG:
    """The DAG that watches one pipeline."""
    spec = loaded.spec
    with DAG(
        dag_id=f"{PREFIX}{spec.name}",
        description=f"Watches the champion of {spec.name}.",
        schedule=CronTriggerTimetable(spec.watching.schedule, timezone="UTC"),
        start_date=START,
        catchup=False,
        max_active_runs=1,
        tags=["millrace-monitoring", *spec.tags],
        default_args=default_args(spec.owner, timedelta(seconds=30), timedelta(minutes=10)),
    ) as dag:
        outlets = [AssetAlias(f"retrain/{spec.name}")]
        task(task_id="check", execution_timeout=timedelta(hours=1), outlets=outlets)(_check)()
    return dag


def _check() -> dict[str, Any]:
    context = get_current_context()
    try:
        report = _report(context["dag"].dag_id, context["dag_run"].run_id)
    except AirflowSkipException:
        raise
    except Exception as error:
        end_task(error)
    if report["retrain"]:
        drift = Asset(f"drift/{report['pipeline']}", group="drift")
        (alias,) = context["task"].outlets
        context["outlet_events"][alias].add(drift, extra={"reason": report["reason"], "check": report["run_id"]})
    return report


def _report(dag_id: str, dag_run_id: str) -> dict[str, Any]:
    """The small JSON of the check's report; the whole one is in MongoDB."""
    from millrace.pipeline import airflow_run_id
    from millrace.stages.monitor import monitor, open_monitor

    spec = SPECS[dag_id].spec
    check = open_monitor(spec, airflow_run_id(dag_id, dag_run_id))
    if check is None:
        raise AirflowSkipException(f"{spec.name} has no champion to watch yet.")
    return monitor(check).as_summary()


SPECS = specs_by_dag(get_settings(), get_parsing_context().dag_id, PREFIX, lambda spec: spec.is_watched)
for _loaded in SPECS.values():
    build_dag(_loaded)
