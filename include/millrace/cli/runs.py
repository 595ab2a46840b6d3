"""`millrace runs`: what has run, and how one run went."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from millrace.cli.output import as_columns, print_json, print_text

app = typer.Typer(help="What has run.", no_args_is_help=True)


@app.command("list")
def list_runs(
    pipeline: Annotated[str | None, typer.Option(help="Only this pipeline.")] = None,
    status: Annotated[str | None, typer.Option(help="Only queued, running, success or failed.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most this many.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """The newest runs first."""
    from millrace.settings import get_settings
    from millrace.stores.runs import MongoRunStore

    found = [_short(run) for run in MongoRunStore(get_settings()).find_runs(pipeline, status, limit)]
    if as_json:
        print_json(found)
    elif found:
        print_text(as_columns(["run", "status", "started", "seconds", "error"], [_row(run) for run in found]))
    else:
        print_text("No runs yet. Start one: millrace run NAME")


@app.command("show")
def show_run(
    run_id: Annotated[str, typer.Argument(help="The run's id, as 'millrace runs list' shows it.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: the object that 'millrace run' prints.")] = False,
) -> None:
    """One run: its stages, its warnings, and what came of it."""
    from millrace.cli.run import summary_text
    from millrace.run_summary import run_summary
    from millrace.settings import get_settings
    from millrace.stores.runs import MongoRunStore

    document = MongoRunStore(get_settings()).get_run(run_id)
    summary = run_summary(document)
    if as_json:
        print_json(summary)
        return
    stages = [[stage["name"], stage["status"], _seconds(stage["seconds"])] for stage in summary["stages"]]
    print_text(summary_text(summary))
    if summary["error"]:
        print_text(f"error: {summary['error']['message']}")
    print_text(as_columns(["stage", "status", "seconds"], stages))


def _short(run: dict[str, Any]) -> dict[str, Any]:
    kept = ("pipeline", "status", "error", "interval", "trigger", "created_at", "started_at", "finished_at")
    times = {key: value.isoformat() for key, value in run.items() if isinstance(value, datetime)}
    return {"run_id": run["_id"], **{key: run.get(key) for key in kept}, **times, "seconds": _duration(run)}


def _duration(run: dict[str, Any]) -> float | None:
    if run.get("started_at") is None:
        return None
    end = run.get("finished_at") or datetime.now(UTC)
    seconds: float = (end - run["started_at"]).total_seconds()
    return round(seconds, 2)


def _row(run: dict[str, Any]) -> list[Any]:
    error = (run["error"] or {}).get("message")
    return [run["run_id"], run["status"], run["started_at"] or run["created_at"], _seconds(run["seconds"]), error]


def _seconds(seconds: float | None) -> str | None:
    return None if seconds is None else f"{seconds:.2f}"
