"""One Airflow DAG for the installation itself, where the settings ask for it: a backup, then a pruning.

Wiring only: the tasks call `millrace.maintenance.upkeep`. Its name, `millrace.upkeep`, no pipeline can have.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, CronTriggerTimetable, chain, get_parsing_context, task
from dag_defaults import START, default_args

from millrace.maintenance.upkeep import Upkeep, back_up_now, prune_now, upkeep
from millrace.task_end import end_task

NAME = "millrace.upkeep"


def build_dag(wanted: Upkeep, schedule: str) -> DAG:
    """The DAG: what is backed up is what there was before the pruning, and without a backup nothing is pruned."""
    with DAG(
        dag_id=NAME,
        description="Backs the installation up and removes what nobody refers to.",
        schedule=CronTriggerTimetable(schedule, timezone="UTC"),
        start_date=START,
        catchup=False,
        max_active_runs=1,
        tags=["millrace-upkeep"],
        default_args=default_args("millrace", timedelta(seconds=30), timedelta(minutes=10)),
    ) as dag:
        steps = [_step("backup", back_up_now)()] if wanted.backup_to is not None else []
        if wanted.prune_keep is not None or wanted.prune_older_than is not None:
            steps.append(_step("prune", prune_now)())
        chain(*steps)
    return dag


def _step(name: str, work: Callable[[], dict[str, Any]]) -> Any:
    def run() -> dict[str, Any]:
        try:
            return work()
        except Exception as error:
            end_task(error)

    return task(task_id=name, execution_timeout=timedelta(hours=6))(run)


_wanted = upkeep()
if _wanted.upkeep_schedule is not None and get_parsing_context().dag_id in {None, NAME}:
    build_dag(_wanted, _wanted.upkeep_schedule)
