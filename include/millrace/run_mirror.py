"""Brings a run record to the state that a scheduler knows and the stages could not write themselves.

A stage keeps its own outcome. What it cannot keep is its own death, a failure before it began, and the end of the run;
these functions do, each harmless when it comes late, twice, or for a run that Millrace knows nothing of.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from millrace.background import Writer
from millrace.errors import NotFoundError
from millrace.stores.base import RunStore
from millrace.stores.runs import FAILED, KILLED, RUNNING, SUCCESS, last_heard_of

Document = dict[str, Any]
SETTLED = timedelta(minutes=5)
"""A record that says something newer than this may only be ahead of what the scheduler says, or behind it."""
MOST_OPEN = 1000

writer = Writer("run-mirror")
"""Writes where a caller must not wait; one a process, so that what is handed over first is written first."""


def killed_error(stage: str, attempt: int) -> Document:
    """The error of a stage whose process died without a word."""
    return {
        "code": "worker_killed",
        "message": f"The process of {stage} (attempt {attempt}) died without a word: it was killed, or the machine ran "
        "out of memory. Retry the run; if it happens again, look at the memory of the machine.",
    }


def mark_lost_attempt(runs: RunStore, run_id: str, stage: str) -> bool:
    """Before a new attempt: record that the last one never ended, if that is so."""
    fields = _stage(runs, run_id, stage)
    if fields is None or fields["status"] != RUNNING:
        return False
    return runs.mark_stage_killed(run_id, stage, killed_error(stage, fields["attempt"]))


def mark_failed(runs: RunStore, run_id: str, stage: str, error: Document | None) -> None:
    """Record a failure that the stage did not record itself: before it began, from outside, or (None) by its death."""
    record = _record(runs, run_id)
    if record is None:
        return
    fields = record["stages"].get(stage)
    if fields is None:
        token = runs.start_stage(run_id, stage)
        failure = {"status": FAILED, "error": error or killed_error(stage, 1), "seconds": 0.0}
        runs.finish_stage(run_id, stage, token, failure)
    elif fields["status"] == RUNNING:
        runs.mark_stage_killed(run_id, stage, error or killed_error(stage, fields["attempt"]))


def close(runs: RunStore, run_id: str, failure: str | None) -> None:
    """Close the run: success, or failed for the first reason in the record, else for `failure`.

    What still runs in the record then has been killed, or stopped where somebody called the run a success.
    """
    record = _record(runs, run_id)
    if record is None:
        return
    if failure is None:
        _mark_running(runs, record, lambda *_: STOPPED)
        runs.finish_run(run_id, SUCCESS)
        return
    _mark_running(runs, record, killed_error)
    stages = runs.get_run(run_id)["stages"].values()
    errors = [stage["error"] for stage in stages if stage["status"] in {FAILED, KILLED} and stage.get("error")]
    runs.finish_run(run_id, FAILED, errors[0] if errors else {"code": "run_failed", "message": failure})


def catch_up(runs: RunStore, state_of: Callable[[str, str], str | None], now: datetime | None = None) -> list[str]:
    """Close the records of runs that have ended in the scheduler without a word of it here; returns their ids.

    That happens when the scheduler dies just then, when MongoDB is away for long, or when somebody deletes a run.
    `state_of` says what the scheduler knows of a DAG run: None where it is not there any more.
    """
    until, closed = (now or datetime.now(UTC)) - SETTLED, []
    for status in ("queued", RUNNING):
        for record in runs.find_runs(status=status, limit=MOST_OPEN):
            trigger = record.get("trigger") or {}
            if trigger.get("by") != "airflow" or last_heard_of(record) > until:
                continue
            state = state_of(trigger["dag_id"], trigger["dag_run_id"])
            if state in _ENDS:
                close(runs, record["_id"], _ENDS[state])
                closed.append(record["_id"])
    return closed


_ENDS: dict[str | None, str | None] = {
    SUCCESS: None,
    FAILED: "Airflow ended the run. Look at the logs of its tasks.",
    None: "Airflow does not know the run any more: somebody has deleted it there.",
}
STOPPED: Document = {"code": "stopped", "message": "Somebody ended the run in Airflow while this stage was running."}


def _mark_running(runs: RunStore, record: Document, error: Callable[[str, int], Document]) -> None:
    for stage, fields in record["stages"].items():
        if fields["status"] == RUNNING:
            runs.mark_stage_killed(record["_id"], stage, error(stage, fields["attempt"]))


def _record(runs: RunStore, run_id: str) -> Document | None:
    try:
        return runs.get_run(run_id)
    except NotFoundError:
        return None


def _stage(runs: RunStore, run_id: str, stage: str) -> Document | None:
    record = _record(runs, run_id)
    return record["stages"].get(stage) if record else None
