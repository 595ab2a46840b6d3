"""`millrace run`: one run of a pipeline, through Airflow or in this process, and its result for people or scripts."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from millrace.cli.breakdown import breakdown_lines
from millrace.cli.failures import FAILED, error_document
from millrace.cli.output import as_columns, note, print_json, print_text, results_only_on_stdout

if TYPE_CHECKING:
    from millrace.sources.base import DataInterval
    from millrace.spec.models import PipelineSpec

    Outcome = tuple[PipelineSpec, dict[str, Any]]
    """What ran, and its summary."""

NOTHING_RAN: dict[str, Any] = {
    "run_id": None,
    "pipeline": None,
    "status": "failed",
    "error": None,
    "dataset_version": None,
    "rows": {"extracted": None, "quarantined": None, "validated": None, "transformed": None},
    "validation": {"passed": False, "failed": []},
    "warnings": [],
    "candidates": [],
    "best": None,
    "breakdown": None,
    "promoted": False,
    "reason": None,
    "decision": None,
    "model_version": None,
    "compiled": None,
    "scored": None,
    "stages": [],
}
"""The result of a run that could not begin: every key of a run's summary."""


def run(
    spec: Annotated[str, typer.Argument(metavar="NAME|SPEC.yaml", help="A pipeline's name, or a spec file.")],
    local: Annotated[bool, typer.Option("--local", help="Run the stages in this process, without Airflow.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")] = False,
    start: Annotated[str | None, typer.Option("--from", help="Start of the data interval (ISO 8601).")] = None,
    end: Annotated[str | None, typer.Option("--to", help="End of the data interval, not included.")] = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Do every stage again.")] = False,
) -> None:
    """Run a pipeline and show its stages; exit code 0 on success, 1 on a failed run, 2 on a bad spec."""
    from millrace.sources.base import DataInterval

    with results_only_on_stdout() as out:
        try:
            perform = _in_this_process if local else _through_airflow
            ran, summary = perform(spec, DataInterval.between(start, end), not no_cache)
        except Exception as error:
            if as_json:
                print_json({**NOTHING_RAN, "error": error_document(error)}, out)
            raise
        if as_json:
            print_json(summary, out)
        else:
            print_text(summary_text(summary), out)
            if step := next_step(ran, summary, served=not local or _stack_runs()):
                note(step)
    if summary["status"] != "success":
        if summary.get("error"):
            note(f"error: {summary['error']['message']}")
        raise typer.Exit(FAILED)


def _in_this_process(given: str, interval: DataInterval | None, use_cache: bool) -> Outcome:
    from millrace.cli.progress import stage_progress
    from millrace.cli.specs import find_spec
    from millrace.settings import get_settings

    loaded = find_spec(given, get_settings())  # A bad spec is told before anything heavy is imported or started.
    from millrace.local.stores import stores_running

    with (
        _terminated_like_interrupted(),
        stage_progress() as progress,
        stores_running(get_settings(), progress) as settings,
    ):
        from millrace import pipeline

        context = pipeline.open_context(
            loaded,
            pipeline.new_run_id(loaded.spec),
            interval=interval,
            trigger={"by": "local"},
            settings=settings,
            use_cache=use_cache,
        )
        note(f"run {context.run_id} of {loaded.spec.name}")
        return loaded.spec, pipeline.run_pipeline(context, progress)


def _through_airflow(given: str, interval: DataInterval | None, use_cache: bool) -> Outcome:
    from millrace.cli.airflow_run import run_in_airflow
    from millrace.cli.specs import deployed
    from millrace.settings import get_settings

    settings = get_settings()
    loaded = deployed(given, settings)
    return loaded.spec, run_in_airflow(loaded, interval, use_cache, settings)


@contextmanager
def _terminated_like_interrupted() -> Iterator[None]:
    """SIGTERM ends the run in order, so that the stores that were started for it are stopped."""

    def leave(*_: object) -> None:
        sys.exit(128 + signal.SIGTERM)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _stack_runs() -> bool:
    from millrace.local.supervisor import Supervisor
    from millrace.settings import get_settings

    return Supervisor(get_settings().millrace_home).is_running()


def next_step(spec: PipelineSpec, summary: dict[str, Any], *, served: bool) -> str:
    """What the person will want to do now, where that is clear: to ask a new champion, by a service if one runs."""
    if not summary["promoted"]:
        return ""
    if spec.task == "forecast":
        return f"Next: GET /api/v1/forecasts?pipeline={spec.name} of the service, or its console"
    if served:
        return f"Next: millrace predict {spec.name} --example"
    return f"Next: millrace score {spec.name} --input TABLE --output FILE; 'millrace up --detach' also serves it"


def summary_text(summary: dict[str, Any]) -> str:
    """A run's summary for people."""
    rows = ", ".join(f"{name} {count:,}" for name, count in summary["rows"].items() if count is not None)
    lines = [f"{summary['run_id']}: {summary['status']}"]
    if rows:
        lines.append(f"rows: {rows}")
    lines += [f"failed check: {failed.get('message', failed)}" for failed in summary["validation"]["failed"]]
    lines += [f"warning: {warning}" for warning in summary["warnings"]]
    if summary["candidates"]:
        lines.append(_candidates(summary["candidates"], summary["best"]))
    lines += breakdown_lines(summary.get("breakdown"))
    if summary["best"]:
        version = summary["model_version"] or "none"
        lines.append(f"best: {summary['best']}, model version {version}. {summary.get('reason') or ''}".rstrip())
    return "\n".join(lines)


def _candidates(candidates: list[dict[str, Any]], best: str | None) -> str:
    metrics = list(dict.fromkeys(name for candidate in candidates for name in candidate["metrics"]))
    rows = [
        ["*" if candidate["name"] == best else "", candidate["name"], candidate["estimator"]]
        + [f"{candidate['metrics'][name]:.4g}" if name in candidate["metrics"] else None for name in metrics]
        for candidate in candidates
    ]
    return as_columns(["", "candidate", "estimator", *metrics], rows)
