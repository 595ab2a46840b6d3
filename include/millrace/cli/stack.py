"""`millrace up`, `down`, `status` and `doctor`: the embedded stack from the command line. No logic lives here."""

from __future__ import annotations

import signal
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Annotated, Any

import typer

from millrace.cli.failures import FAILED
from millrace.cli.output import as_columns, note, print_json, print_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from millrace.settings import Settings

MEGABYTE = 1024 * 1024


def up(
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Return when the stack is healthy; it stays.")] = False,
    example: Annotated[
        str | None,
        typer.Option(
            "--example", metavar="NAME", help="Train this pipeline, unless it serves, and show how to predict."
        ),
    ] = None,
) -> None:
    """Start MongoDB, S3, MLflow, Airflow and the service, and wait until they are healthy."""
    from millrace.local import stack
    from millrace.settings import get_settings

    settings = get_settings()
    with _terminated_like_interrupted():
        _start(settings)
        if detach:
            _present(example)
            return
        with suppress(KeyboardInterrupt):
            _present(example)
            note("press Ctrl-C to stop the stack")
            stack.attend(settings, note)
        _stop(settings)


def down() -> None:
    """Stop everything that `millrace up` started, its supervisor alive or not."""
    from millrace.settings import get_settings

    _stop(get_settings())


def status(as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array.")] = False) -> None:
    """Show each program of the stack; exit code 1 when one of them does not run."""
    from millrace.local import stack
    from millrace.settings import get_settings

    programs = stack.status(get_settings())
    if as_json:
        print_json(programs)
    else:
        print_text(_table(programs) if programs else "The stack was never started here: millrace up")
    if not programs or any(program["state"] != "running" for program in programs):
        raise typer.Exit(FAILED)


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array.")] = False) -> None:
    """Check every connection and say how to mend it; exit code 1 when something is wrong."""
    from millrace.local.doctor import doctor as look
    from millrace.settings import get_settings

    findings = look(get_settings())
    if as_json:
        print_json([finding.model_dump() for finding in findings])
    else:
        rows = [["ok" if one.ok else "WRONG", one.name, one.found] for one in findings]
        print_text(as_columns(["", "what", "found"], rows))
        for one in findings:
            if not one.ok:
                print_text(f"to mend {one.name}: {one.mend}")
    if not all(finding.ok for finding in findings):
        raise typer.Exit(FAILED)


def addresses(settings: Settings) -> str:
    """What to open in a browser."""
    from millrace.local.credentials import airflow_passwords_file

    password = airflow_passwords_file(settings.millrace_home)
    return "\n".join(
        (
            f"console   {settings.service}/",
            f"API docs  {settings.service}/docs",
            f"Airflow   {settings.airflow}/  (user {settings.airflow_username}, password in {password})",
            f"MLflow    {settings.mlflow}/",
        )
    )


def _start(settings: Settings) -> None:
    from millrace.cli.progress import stage_progress
    from millrace.local import stack

    with stage_progress() as progress:
        notes = stack.up(settings, progress)
    for sentence in notes:
        note(sentence)


def _present(example: str | None) -> None:
    from millrace.settings import get_settings

    settings = get_settings()
    print_text(addresses(settings))
    if example is not None:
        from millrace.cli.example import serve_example

        serve_example(example, settings)


def _stop(settings: Settings) -> None:
    from millrace.local import stack

    note("the stack is stopped" if stack.down(settings) else "the stack was not running")


@contextmanager
def _terminated_like_interrupted() -> Iterator[None]:
    def interrupt(*_: Any) -> None:
        # The first signal begins an orderly stop; a second must not break it off.
        for number in before:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _table(programs: list[dict[str, Any]]) -> str:
    rows = [
        [
            program["name"],
            program["state"],
            program["pid"],
            program["port"],
            None if program["uptime"] is None else f"{program['uptime']} s",
            None if program["rss"] is None else f"{program['rss'] // MEGABYTE} MB",
        ]
        for program in programs
    ]
    return as_columns(["program", "state", "pid", "port", "uptime", "memory"], rows)
