"""`millrace specs`: pipelines that are kept in MongoDB: pushed from a file, shown, retired, copied to disk."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from millrace.cli.failures import CommandError
from millrace.cli.output import as_columns, note, print_json, print_text

if TYPE_CHECKING:
    from millrace.authoring.mirror import Mirror
    from millrace.authoring.pipelines import MadePipelines
    from millrace.stores.pipelines import SpecVersion

app = typer.Typer(
    help="Pipelines that are kept in MongoDB with all their versions, beside those in files.", no_args_is_help=True
)
Name = Annotated[str, typer.Argument(metavar="NAME", help="The pipeline's name.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Note = Annotated[str, typer.Option("--note", help="Why, for those who look at the versions.")]
SYNC_SECONDS = 5.0


@app.command("list")
def list_specs(as_json: Json = False) -> None:
    """Show the pipelines in force that were made through the API, the console or `push`."""
    _print(_pipelines().listed(), as_json, "None yet. Make one: millrace specs push FILE")


@app.command()
def push(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A spec's YAML file.")],
    note_: Note = "",
    version: Annotated[
        int | None, typer.Option(help="Only if this is the version in force; else whatever it is.")
    ] = None,
) -> None:
    """Make the pipeline of a file, or change it; the same checks as in the API."""
    from millrace.accounts.trail import at_the_shell

    text = _read(file)
    pipelines, name = _pipelines(), _name_in(text, file)
    newest = pipelines.newest(name)
    present = newest.version if newest is not None and not newest.retired else None
    made = pipelines.put(at_the_shell(), name, text, present if version is None else version, note_)
    _copy()
    print_text(f"{name} is at version {made.version}.")


@app.command()
def pull(
    name: Name,
    version: Annotated[int | None, typer.Option(help="An earlier version; else the newest.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File to write; else it is printed.")] = None,
) -> None:
    """Print a spec as it was written, or write it to a file."""
    pipelines = _pipelines()
    found = pipelines.present(name) if version is None else pipelines.version(name, version)
    if output is None:
        print_text(found.text.rstrip("\n"))
        return
    if output.exists():
        raise CommandError(f"{output} exists already.", hint="Give another --output.")
    output.write_text(found.text, encoding="utf-8")
    note(f"{name}, version {found.version}, is in {output}.")


@app.command()
def history(name: Name, as_json: Json = False) -> None:
    """Show the versions of a pipeline, newest first."""
    _print(_pipelines().versions(name), as_json, "")


@app.command()
def revert(name: Name, version: Annotated[int, typer.Argument(help="The version to go back to.")]) -> None:
    """Bring an earlier text back, as a new version; also that of a retired pipeline."""
    from millrace.accounts.trail import at_the_shell

    pipelines = _pipelines()
    newest = pipelines.newest(name)
    seen = newest.version if newest is not None and not newest.retired else None
    made = pipelines.revert(at_the_shell(), name, version, seen)
    _copy()
    print_text(f"{name} is at version {made.version}.")


@app.command()
def retire(name: Name, note_: Note = "") -> None:
    """Let a pipeline run no more. Its versions, runs and models stay; `revert` brings it back."""
    from millrace.accounts.trail import at_the_shell

    pipelines = _pipelines()
    pipelines.retire(at_the_shell(), name, pipelines.present(name).version, note_)
    _copy()
    note(f"{name} is retired.")


@app.command()
def sync(
    once: Annotated[bool, typer.Option("--once", help="Look once instead of again and again.")] = False,
) -> None:
    """Copy the specs to this machine, where Airflow's processes run without the service beside them."""
    mirror = _mirror()
    if once:
        changed = mirror.look()
        note(f"{len(changed)} changed{': ' + ', '.join(changed) if changed else ''}.")
        return
    while True:
        mirror.try_look()
        time.sleep(SYNC_SECONDS)


def _print(versions: list[SpecVersion], as_json: bool, nothing: str) -> None:
    if as_json:
        print_json([version.about() for version in versions])
    elif not versions:
        print_text(nothing)
    else:
        lines = [
            [v.pipeline, v.version, "retired" if v.retired else v.spec_version, f"{v.at:%Y-%m-%d %H:%M}", v.by, v.note]
            for v in versions
        ]
        print_text(as_columns(["pipeline", "version", "spec", "at", "by", "note"], lines))


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{file} cannot be read: {error}.", hint="Give a YAML file in UTF-8.") from error


def _name_in(text: str, file: Path) -> str:
    from millrace.spec.document import parse_document

    name = parse_document(text, str(file)).data.get("name")
    if not isinstance(name, str):
        raise CommandError(f"{file} gives its pipeline no name.", hint="Begin it with 'name: my-pipeline'.")
    return name


def _pipelines() -> MadePipelines:
    from millrace.accounts.trail import AuditTrail
    from millrace.authoring.pipelines import MadePipelines
    from millrace.settings import get_settings
    from millrace.stores.audit_log import MongoAuditLog
    from millrace.stores.pipelines import MongoPipelines

    settings = get_settings()
    return MadePipelines(settings, MongoPipelines(settings), AuditTrail(MongoAuditLog(settings)))


def _mirror() -> Mirror:
    from millrace.authoring.mirror import Mirror
    from millrace.settings import get_settings
    from millrace.stores.pipelines import MongoPipelines

    settings = get_settings()
    return Mirror(settings, MongoPipelines(settings))


def _copy() -> None:
    """Let this machine have the change at once; the running service would copy it seconds later."""
    _mirror().try_look()
