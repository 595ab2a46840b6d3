"""`millrace prune`, `backup`, `restore`: what an operator does to an installation as a whole."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from millrace.cli.failures import CommandError
from millrace.cli.output import as_columns, note, print_json, print_text, results_only_on_stdout

if TYPE_CHECKING:
    from millrace.maintenance.archive import Manifest
    from millrace.maintenance.prune import Pruning

SHOWN = 20


def prune(
    keep: Annotated[
        int | None, typer.Option(min=0, help="So many of the newest runs and checks of each pipeline stay.")
    ] = None,
    older_than: Annotated[str | None, typer.Option(help="Only what is older: 30d, 12w, 36h.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would go; remove nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Remove old runs, checks and datasets that no model version and no kept run refers to."""
    from millrace.maintenance.prune import look
    from millrace.maintenance.prune import prune as remove
    from millrace.maintenance.retention import Rules
    from millrace.settings import get_settings

    with results_only_on_stdout() as out:
        settings, now = get_settings(), datetime.now(UTC)
        rules = Rules(keep, _span(older_than))
        found = look(settings, rules, now)
        if not dry_run and found.items:
            if not yes:
                note(_text(found, "would go"))
                typer.confirm("Remove this? It cannot be undone.", abort=True, err=True)
            found = remove(settings, rules, now, found)
        if as_json:
            print_json(_document(found, dry_run), out)
        else:
            print_text(_text(found, "would go" if dry_run else "gone"), out)


def backup(
    to: Annotated[
        str | None, typer.Option("--to", help="A folder, or s3://bucket/prefix; default: backups/ in the bucket.")
    ] = None,
    objects: Annotated[
        bool | None,
        typer.Option("--objects/--no-objects", help="Copy the objects on S3 too; by default only to elsewhere."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the manifest as JSON.")] = False,
) -> None:
    """Copy specs, records, the model registry and all objects; the platform goes on meanwhile."""
    from millrace.local.stores import stores_running
    from millrace.maintenance.archive import new_archive
    from millrace.maintenance.backup import back_up
    from millrace.settings import get_settings

    with results_only_on_stdout() as out, stores_running(get_settings()) as settings:
        now = datetime.now(UTC)
        archive, is_elsewhere = new_archive(settings, to, now)
        manifest = back_up(settings, archive, now, is_elsewhere if objects is None else objects, note)
        if as_json:
            print_json({"where": archive.where, **manifest.model_dump(mode="json")}, out)
        else:
            print_text(f"{archive.where}: {_contents(manifest)}", out)


def restore(
    backup: Annotated[str, typer.Argument(help="The folder or s3:// address that 'millrace backup' printed.")],
    replace: Annotated[bool, typer.Option("--replace", help="Lose what this installation holds.")] = False,
) -> None:
    """Put a backup in place while the stack is down."""
    from millrace.local.stores import stores_running
    from millrace.local.supervisor import Supervisor
    from millrace.maintenance.archive import open_archive
    from millrace.maintenance.restore import restore as put_back
    from millrace.settings import get_settings

    with results_only_on_stdout() as out:
        if Supervisor(get_settings().millrace_home).is_running():
            raise CommandError("The stack runs, and would go on with what is there now.", hint="First: millrace down.")
        with stores_running(get_settings()) as settings:
            manifest = put_back(settings, open_archive(settings, backup), replace, note)
        print_text(f"restored: {_contents(manifest)}", out)
        note("Next: millrace up")


def _contents(manifest: Manifest) -> str:
    counts = {
        what: sum(part.name.startswith(f"{place}/") for part in manifest.parts)
        for what, place in (("specs", "specs"), ("collections", "mongodb"), ("objects", "objects"))
    }
    size = sum(part.bytes for part in manifest.parts)
    said = ", ".join(f"{count:,} {what}" for what, count in counts.items())
    said += ", MLflow's database" if manifest.mlflow == "included" else "; MLflow is elsewhere: back it up there"
    return f"{said}; {_megabytes(size)} MB, made {manifest.made_at:%Y-%m-%d %H:%M:%S} UTC"


def _span(text: str | None) -> timedelta | None:
    from pydantic import TypeAdapter, ValidationError

    from millrace.spec.duration import Duration

    if text is None:
        return None
    try:
        span: timedelta = TypeAdapter(Duration).validate_python(text)
    except ValidationError as error:
        said = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise CommandError(f"--older-than: {said}") from None
    return span


def _document(found: Pruning, dry_run: bool) -> dict[str, Any]:
    def described(items: Any) -> list[dict[str, Any]]:
        return [
            {"kind": item.kind, "key": item.key, "pipeline": item.pipeline, "at": item.at.isoformat()}
            | {"bytes": item.size}
            for item in items
        ]

    return {"removed": not dry_run, "items": described(found.items), "postponed": described(found.postponed)}


def _text(found: Pruning, what: str) -> str:
    if not found.items:
        lines = ["Nothing may go: versions, kept runs and what they refer to stay."]
    else:
        rows = [[one.kind, one.key, f"{one.at:%Y-%m-%d}", _megabytes(one.size)] for one in found.items[:SHOWN]]
        lines = [as_columns(["kind", "name", "of", "MB"], rows)]
        if len(found.items) > SHOWN:
            lines.append(f"… and {len(found.items) - SHOWN:,} more")
        counts = {f"{kind}s": found.count(kind) for kind in ("run", "dataset", "check")}
        said = ", ".join(f"{kind} {count:,}" for kind, count in counts.items())
        lines.append(f"{what}: {said}; {_megabytes(found.size)} MB on S3")
    if found.postponed:
        busy = ", ".join(sorted({item.pipeline for item in found.postponed}))
        lines.append(f"{len(found.postponed):,} more wait until no run of these is under way: {busy}")
    return "\n".join(lines)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f}"
