"""`millrace monitor`: look at a champion now, without waiting for the scheduled check."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from millrace.cli.output import as_columns, print_json, print_text, results_only_on_stdout

if TYPE_CHECKING:
    from millrace.stages.monitoring.context import Monitored


def monitor(
    name: Annotated[str, typer.Argument(help="The pipeline's name.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole report as JSON.")] = False,
) -> None:
    """Look at a champion now and show what is found. Raises no alert and changes nothing: the scheduled check does."""
    from millrace.errors import NotFoundError
    from millrace.pipeline import new_run_id
    from millrace.settings import get_settings
    from millrace.spec.installed import find_spec
    from millrace.stages.monitor import monitor as look
    from millrace.stages.monitor import open_monitor

    with results_only_on_stdout() as out:
        settings = get_settings()
        spec = find_spec(settings, name).spec
        context = open_monitor(spec, f"look.{new_run_id(spec)}", settings, act=False)
        if context is None:
            raise NotFoundError(f"'{name}' has no champion to look at yet.", hint=f"Train one: millrace run {name}.")
        report = look(context)
        if as_json:
            print_json(report.model_dump(mode="json"), out)
        else:
            print_text(_text(report), out)


def _text(report: Monitored) -> str:
    lines = [f"{report.pipeline}: version {report.model_version}, {report.window['start']} to {report.window['end']}"]
    rows = [[finding.severity, finding.kind, finding.subject, finding.message] for finding in report.findings]
    lines.append(as_columns(["severity", "kind", "subject", "what"], rows) if rows else "Nothing was found.")
    lines += [f"note: {note}" for part in report.parts.values() for note in part.notes]
    return "\n".join(lines)
