"""`millrace backfill`: runs of a pipeline over past data intervals, made by Airflow."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from millrace.cli.failures import FAILED
from millrace.cli.output import as_columns, note, print_json, print_text

if TYPE_CHECKING:
    from millrace.cli.airflow_api import AirflowApi

POLL_SECONDS = 1.0


def backfill(
    name: Annotated[str, typer.Argument(help="A pipeline with a schedule.")],
    start: Annotated[str, typer.Option("--from", help="First logical date (ISO 8601).")],
    end: Annotated[str, typer.Option("--to", help="Last logical date, included.")],
    again: Annotated[bool, typer.Option("--again", help="Also repeat intervals that succeeded before.")] = False,
    at_once: Annotated[int, typer.Option("--at-once", min=1, help="Runs at the same time.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print the runs as JSON.")] = False,
    detach: Annotated[bool, typer.Option("--detach", help="Do not wait for the runs.")] = False,
) -> None:
    """Run a scheduled pipeline over past intervals; a repeated backfill fills only what is missing or failed."""
    from millrace.cli.airflow_api import AirflowApi
    from millrace.cli.airflow_run import wait_until_parsed
    from millrace.cli.specs import find_spec
    from millrace.settings import get_settings
    from millrace.sources.base import DataInterval

    settings = get_settings()
    pipeline_name = find_spec(name, settings).spec.name
    interval = DataInterval.between(start, end)
    assert interval is not None  # noqa: S101 - both options are required
    api = AirflowApi(settings)
    wait_until_parsed(api, pipeline_name)
    first, last = interval.start.isoformat(), interval.end.isoformat()
    made = api.backfill(
        {
            "dag_id": pipeline_name,
            "from_date": first,
            "to_date": last,
            "reprocess_behavior": "completed" if again else "failed",
            "max_active_runs": at_once,
        }
    )
    note(f"backfill {made['id']} of {pipeline_name} from {first} to {last}")
    if not detach:
        _wait(api, made["id"], pipeline_name, first, last)
    _show(api.dag_runs(pipeline_name, first, last), as_json)


def _wait(api: AirflowApi, backfill_id: int, name: str, first: str, last: str) -> None:
    shown = ""
    while True:
        over = api.backfill_state(backfill_id)["completed_at"] is not None
        runs = api.dag_runs(name, first, last)
        counts = {state: sum(run["state"] == state for run in runs) for state in ("success", "failed", "running")}
        text = f"{len(runs)} runs: " + ", ".join(f"{count} {state}" for state, count in counts.items())
        if text != shown:
            note(text)
            shown = text
        if over and all(run["state"] in {"success", "failed"} for run in runs):
            return
        time.sleep(POLL_SECONDS)


def _show(runs: list[dict[str, Any]], as_json: bool) -> None:
    wanted = ("dag_run_id", "state", "data_interval_start", "data_interval_end", "duration")
    rows = [{key: run.get(key) for key in wanted} for run in runs]
    if as_json:
        print_json(rows)
    else:
        print_text(as_columns(["run", "state", "from", "to", "seconds"], [list(row.values()) for row in rows]))
    if any(run["state"] == "failed" for run in runs):
        raise typer.Exit(FAILED)
