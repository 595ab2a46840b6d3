"""Mirrors the states of Airflow's runs and tasks into Millrace's run records, so that a killed task is recorded too.

Stages write their own outcome; this listener adds what they cannot: that a run was started, that it ended, and that a
task died. It must neither break a run nor hold up Airflow when MongoDB is away: the scheduler and the API server hand
the writing to a thread, which tries again for some minutes; in a task's process a write takes some seconds at most.
"""

from __future__ import annotations

import logging
import sys
import time
from typing import TYPE_CHECKING, Any

from airflow.listeners import hookimpl
from airflow.plugins_manager import AirflowPlugin

from millrace import run_mirror
from millrace.errors import MillraceError
from millrace.settings import get_settings

if TYPE_CHECKING:
    from millrace.dag_run import DagRun
    from millrace.stores.runs import MongoRunStore

log = logging.getLogger(__name__)
TASK_SECONDS = 5
CATCH_UP_SECONDS = 300.0
_caught_up = {"at": 0.0}


@hookimpl
def on_starting(component: Any) -> None:
    """Close the records of runs whose end nobody saw. In the scheduler; its tasks, which fork from it, do not."""
    if type(component).__name__ == "Job" and "scheduler" in sys.argv[1:2]:
        run_mirror.writer.submit(_catch_up)


@hookimpl
def on_dag_run_running(dag_run: Any, msg: str) -> None:
    """Make the run's record before its first task begins. In the scheduler."""
    if "millrace" in getattr(dag_run.dag, "tags", ()):
        run_mirror.writer.submit(_open, _facts(dag_run))
    if time.monotonic() > _caught_up["at"] + CATCH_UP_SECONDS:
        run_mirror.writer.submit(_catch_up)


@hookimpl
def on_dag_run_success(dag_run: Any, msg: str) -> None:
    """Close the record. In the scheduler; in the API server when a person sets the state."""
    run_mirror.writer.submit(_close, _facts(dag_run), None)


@hookimpl
def on_dag_run_failed(dag_run: Any, msg: str) -> None:
    """Close the record, and mark what still runs in it as killed. In the scheduler or the API server."""
    run_mirror.writer.submit(_close, _facts(dag_run), f"Airflow ended the run ({msg}). Look at the logs of its tasks.")


@hookimpl
def on_task_instance_running(previous_state: Any, task_instance: Any) -> None:
    """Before a retry, record that the attempt before it died, if it did. In the task's process."""
    if task_instance.try_number > 1:
        _write_now(_lost, _facts(task_instance), _stage(task_instance))


@hookimpl
def on_task_instance_failed(previous_state: Any, task_instance: Any, error: Any) -> None:
    """Record a failure that the stage could not. In the task's process, the scheduler, or the API server."""
    in_task_process = type(task_instance).__name__ == "RuntimeTaskInstance"
    write = _write_now if in_task_process else run_mirror.writer.submit
    write(_failed, _facts(task_instance), _stage(task_instance), _document(error))


@hookimpl
def before_stopping(component: Any) -> None:
    """Write what still waits."""
    run_mirror.writer.flush()


def _facts(source: Any) -> dict[str, Any]:
    """What is needed of a DAG run or a task, copied: Airflow's own object must not leave its thread."""
    return {
        "dag_id": source.dag_id,
        "dag_run_id": source.run_id,
        "params": dict(getattr(source, "conf", None) or {}),
        "interval_start": getattr(source, "data_interval_start", None),
        "interval_end": getattr(source, "data_interval_end", None),
    }


def _stage(task_instance: Any) -> str:
    """The stage's key in the record: that of a mapped task is `train:<candidate>`."""
    if task_instance.map_index < 0:
        return str(task_instance.task_id)
    return f"{task_instance.task_id}:{task_instance.rendered_map_index}"


def _document(error: Any) -> dict[str, Any] | None:
    """The error as it stands in a record; None where Airflow only says that the process is gone."""
    if isinstance(error, BaseException):
        sentence = (str(error).strip() or type(error).__name__).splitlines()[0]
        return getattr(error, "document", None) or {"code": "task_failed", "message": sentence}
    if "manually" in str(error):
        return {"code": "stopped", "message": "Somebody set the task's state to failed in Airflow."}
    return None


def _write_now(write: Any, *arguments: Any) -> None:
    import pymongo

    try:
        with pymongo.timeout(TASK_SECONDS):
            write(*arguments)
    except MillraceError as error:
        log.warning("The run record does not show this: %s", error)


def _open(facts: dict[str, Any]) -> None:
    from millrace.spec.installed import find_spec

    run = _dag_run(facts)
    run.open(find_spec(get_settings(), run.dag_id))


def _catch_up() -> None:
    _caught_up["at"] = time.monotonic()
    closed = run_mirror.catch_up(_runs(), _state_in_airflow)
    if closed:
        log.warning("Closed the records of runs whose end had not been recorded: %s", ", ".join(closed))


def _state_in_airflow(dag_id: str, dag_run_id: str) -> str | None:
    from airflow.models.dagrun import DagRun as AirflowRun
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        wanted = select(AirflowRun.state).where(AirflowRun.dag_id == dag_id, AirflowRun.run_id == dag_run_id)
        state = session.scalar(wanted)
    return None if state is None else str(getattr(state, "value", state))


def _close(facts: dict[str, Any], failure: str | None) -> None:
    run_mirror.close(_runs(), _dag_run(facts).run_id, failure)


def _lost(facts: dict[str, Any], stage: str) -> None:
    run_mirror.mark_lost_attempt(_runs(), _dag_run(facts).run_id, stage)


def _failed(facts: dict[str, Any], stage: str, error: dict[str, Any] | None) -> None:
    run_mirror.mark_failed(_runs(), _dag_run(facts).run_id, stage, error)


def _dag_run(facts: dict[str, Any]) -> DagRun:
    from millrace.dag_run import DagRun

    return DagRun(**facts)


def _runs() -> MongoRunStore:
    from millrace.stores.runs import MongoRunStore

    return MongoRunStore(get_settings())


class RunListenerPlugin(AirflowPlugin):
    """Registers the listener."""

    name = "millrace_run_listener"
    listeners = [sys.modules[__name__]]  # noqa: RUF012 - Airflow's own form
