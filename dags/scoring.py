"""One Airflow DAG for each pipeline spec with a section `score`: when the champion is asked about a whole table.

Wiring only: the task calls `millrace.pipeline.perform`. Its DAG is `scoring.<pipeline>`, a name that no pipeline can
have; with `schedule: model` it waits for the asset that a new champion updates.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import (
    DAG,
    Asset,
    CronDataIntervalTimetable,
    Param,
    get_current_context,
    get_parsing_context,
    task,
)
from dag_defaults import MOMENT, START, default_args

from millrace.settings import get_settings
from millrace.spec.catalogue import LoadedSpec
from millrace.spec.installed import specs_by_dag
from millrace.task_end import end_task

PREFIX = "scoring."
PARAMS = {
    "version": Param(None, type=["null", "string"], title="Version", description="Alias or number; else the spec's."),
    "on_bad_rows": Param(None, enum=[None, "fail", "skip"], title="Bad rows", description="Else as the spec says."),
    "interval_start": Param(None, **MOMENT, title="Start of the data interval", description="Inclusive."),
    "interval_end": Param(None, **MOMENT, title="End of the data interval", description="Exclusive."),
}


def build_dag(loaded: LoadedSpec) -> DAG:
    """The DAG that scores one pipeline's batches."""
    spec = loaded.spec
    with DAG(
        dag_id=f"{PREFIX}{spec.name}",
        description=f"Scores batches with the model {spec.name}.",
        schedule=_schedule(spec.name, spec.score.schedule if spec.score else None),
        start_date=START,
        catchup=False,
        max_active_runs=1,
        tags=["millrace-scoring", *spec.tags],
        params=PARAMS,
        default_args=default_args(spec.owner, timedelta(seconds=30), timedelta(minutes=10)),
    ) as dag:
        task(task_id="score", execution_timeout=timedelta(hours=12), outlets=[Asset(f"scores/{spec.name}")])(_score)()
    return dag


def _score() -> dict[str, Any]:
    context = get_current_context()
    try:
        return _scored(context)
    except Exception as error:
        end_task(error)


def _scored(context: Any) -> dict[str, Any]:
    from millrace.dag_run import DagRun
    from millrace.pipeline import scoring

    run = context["dag_run"]
    facts = DagRun(run.dag_id, run.run_id, context["params"], run.data_interval_start, run.data_interval_end)
    output = scoring(facts.open(SPECS[run.dag_id]), context["params"]["version"], context["params"]["on_bad_rows"])
    (outlet,) = context["task"].outlets
    context["outlet_events"][outlet].extra = {key: output[key] for key in ("model_version", "rows", "rejected")}
    return output


def _schedule(name: str, schedule: str | None) -> Any:
    if schedule == "model":
        return [Asset(f"model/{name}", group="model")]
    if schedule is None or schedule == "@once":
        return schedule
    return CronDataIntervalTimetable(schedule, timezone="UTC")


SPECS = specs_by_dag(get_settings(), get_parsing_context().dag_id, PREFIX, lambda spec: spec.score is not None)
for _loaded in SPECS.values():
    build_dag(_loaded)
