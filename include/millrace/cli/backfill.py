"""`millrace backfill`: runs of a pipeline over past data intervals, made by Airflow."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from millrace.cli.failures import FAILED, CommandError
from millrace.cli.output import as_columns, note, print_json, print_text

if TYPE_CHECKING:
    from millrace.cli.airflow_api import AirflowApi

POLL_SECONDS = 1.0
LOCKED_SECONDS = 60


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
    loaded = find_spec(name, settings)
    spec = loaded.spec
    if not isinstance(spec.schedule, str):
        raise CommandError(
            f"'{spec.name}' has no schedule in time, so it has no data intervals to go over.",
            hint="Give it a schedule such as '@daily', or name one interval: millrace run NAME --from --to.",
        )
    interval = DataInterval.between(start, end)
    assert interval is not None  # noqa: S101 - both options are required
    api = AirflowApi(settings)
    wait_until_parsed(api, loaded)
    first, last = interval.start.isoformat(), interval.end.isoformat()
    made = _create(api, spec.name, first, last, "completed" if again else "failed", at_once)
    note(f"backfill {made['id']} of {spec.name} from {first} to {last}")
    if not detach:
        _wait(api, made["id"], spec.name, first, last)
    _show(api.dag_runs(spec.name, first, last), as_json)


def _create(api: AirflowApi, name: str, first: str, last: str, reprocess: str, at_once: int) -> dict[str, Any]:
    """A new backfill, or the same one that goes on already. Raises AirflowError."""
    from millrace.cli.airflow_api import AirflowError

    body = {
        "dag_id": name,
        "from_date": first,
        "to_date": last,
        "reprocess_behavior": reprocess,
        "max_active_runs": at_once,
    }
    until = time.monotonic() + LOCKED_SECONDS
    while True:
        try:
            return api.backfill(body)
        except AirflowError as error:
            status = error.details.get("status")
            same = [one for one in api.backfills(name) if _is_same(one, first, last)] if status == 409 else []
            if same:
                return same[0]
            # On SQLite the creation is refused while another process writes; the next try mostly succeeds.
            if status != 503 or time.monotonic() > until:
                raise
        time.sleep(POLL_SECONDS)


def _is_same(backfill: dict[str, Any], first: str, last: str) -> bool:
    ends = [datetime.fromisoformat(backfill[key]) for key in ("from_date", "to_date")]
    return backfill["completed_at"] is None and ends == [datetime.fromisoformat(first), datetime.fromisoformat(last)]


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
