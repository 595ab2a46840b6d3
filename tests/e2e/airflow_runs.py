"""Runs DAGs by `dag.test()` in one real Airflow and prints what came of them; the tests run it in its own process.

Airflow reads AIRFLOW_HOME when it is first imported, so it must not share a process with other tests.
"""

from __future__ import annotations

import contextlib
import json
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

DAGS = Path(__file__).resolve().parents[2] / "dags"
DAY = datetime(2026, 3, 2, tzinfo=UTC)


def main() -> None:
    with contextlib.redirect_stdout(sys.stderr):
        from airflow.dag_processing.dagbag import BundleDagBag

        bag = BundleDagBag(dag_folder=str(DAGS), bundle_path=DAGS, bundle_name="dags-folder")
        found = {
            "first": outcome(bag.dags["flowers"].test(logical_date=DAY)),
            "again": outcome(bag.dags["flowers"].test(logical_date=DAY)),
            "interval": outcome(bag.dags["flowers"].test(run_conf=INTERVAL)),
            "bad_data": outcome(bag.dags["no-target"].test(logical_date=DAY)),
            "half_interval": outcome(bag.dags["no-target"].test(run_conf={"interval_start": "2026-01-01"})),
            "late_source": outcome(bag.dags["late"].test(logical_date=DAY)),
            "approved": asked(bag, "asked", lambda ti, session: respond(ti, "Approve", session)),
            "nothing_new": outcome(bag.dags["asked"].test()),
            "declined": asked(bag, "declined", lambda ti, session: respond(ti, "Reject", session)),
            "asked_once": outcome(bag.dags["declined"].test()),
            "expired": asked(bag, "expires", time_passes),
            "trained": outcome(bag.dags["batch"].test()),
            "scored": outcome(bag.dags["scoring.batch"].test()),
            "refused_version": outcome(bag.dags["scoring.batch"].test(run_conf={"version": "99"})),
            "events": events(),
        }
    sys.stdout.write(json.dumps(found, default=str))


INTERVAL = {"use_cache": False, "interval_start": "2026-01-01", "interval_end": "2026-01-02"}


def outcome(dag_run: Any) -> dict[str, Any]:
    from millrace.dag_run import DagRun
    from millrace.pipeline import run_summary
    from millrace.settings import get_settings
    from millrace.stores.model_registry import MlflowRegistry
    from millrace.stores.runs import MongoRunStore

    flush()
    settings = get_settings()
    record = MongoRunStore(settings).get_run(DagRun(dag_run.dag_id, dag_run.run_id, {}).run_id)
    return {
        "state": str(dag_run.state),
        "summary": run_summary(record),
        "interval": record["interval"],
        "trigger": record["trigger"],
        "stages": {name: [stage["status"], stage["attempt"]] for name, stage in record["stages"].items()},
        "labels": sorted(ti.rendered_map_index for ti in dag_run.get_task_instances() if ti.map_index >= 0),
        "tasks": {ti.task_id: ti.state for ti in dag_run.get_task_instances()},
        "aliases": MlflowRegistry(settings).aliases().get(dag_run.dag_id),
        "decisions": MongoRunStore(settings).decisions(dag_run.dag_id),
        "versions": [version.version for version in MlflowRegistry(settings).versions(dag_run.dag_id)],
    }


def asked(bag: Any, name: str, answer: Any) -> dict[str, Any]:
    """A run that leaves a version waiting, a second one that finds the same, and the question until it is settled."""
    first = bag.dags[name].test()
    waited = outcome(first)
    again = outcome(bag.dags[name].test())
    question = newest_run(f"approval.{name}")
    seen: dict[str, Any] = {"waited": waited, "again": again["tasks"], "question": question.run_id}
    somebody = threading.Thread(target=wait_and_answer, args=(f"approval.{name}", answer, seen), daemon=True)
    somebody.start()
    settled = bag.dags[f"approval.{name}"].test(run_conf=question.conf)
    somebody.join(60)
    return {**outcome(first), **seen, "settled": str(settled.state)}


def newest_run(dag_id: str) -> Any:
    """The run that a task has asked for and that a scheduler would begin."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        (found,) = session.scalars(select(DagRun).where(DagRun.dag_id == dag_id)).all()
        session.expunge(found)
        return found


def wait_and_answer(dag_id: str, answer: Any, seen: dict[str, Any]) -> None:
    from airflow.models.hitl import HITLDetail
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session
    from sqlalchemy import select

    deadline = time.monotonic() + 300
    waiting = select(TaskInstance).where(TaskInstance.dag_id == dag_id, TaskInstance.state == "awaiting_input")
    while time.monotonic() < deadline:
        with create_session() as session:
            found = session.scalars(waiting).first()
            if found is not None:
                seen["body"] = session.scalars(select(HITLDetail).where(HITLDetail.ti_id == found.id)).one().body
                answer(found, session)
            elif "body" in seen:
                return
        time.sleep(0.5)


def respond(waiting: Any, answer: str, session: Any) -> None:
    """A person comes by Airflow's own API function and says `answer`."""
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
    from airflow.api_fastapi.core_api.datamodels.hitl import UpdateHITLDetailPayload
    from airflow.api_fastapi.core_api.routes.public.hitl import update_hitl_detail

    payload = UpdateHITLDetailPayload(chosen_options=[answer], params_input={})
    user = SimpleAuthManagerUser(username="ann", role="admin")
    update_hitl_detail(waiting.dag_id, waiting.run_id, "approval", payload, user, session)


def time_passes(waiting: Any, session: Any) -> None:
    """Nobody comes: the scheduler's own sweep finds the time over."""
    from airflow.jobs.job import Job
    from airflow.jobs.scheduler_job_runner import SchedulerJobRunner

    SchedulerJobRunner(job=Job()).check_awaiting_input_timeouts(session=session)


def flush() -> None:
    """Let the listener's thread write what it still holds."""
    from millrace import run_mirror

    if not run_mirror.writer.flush(60):
        raise TimeoutError("the listener still writes")


def events() -> list[dict[str, Any]]:
    from airflow.models.asset import AssetEvent, AssetModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    query = select(AssetModel.name, AssetEvent.extra).where(AssetEvent.asset_id == AssetModel.id)
    with create_session() as session:
        rows = session.execute(query).all()
    return [{"asset": name, **extra} for name, extra in rows]


main()
