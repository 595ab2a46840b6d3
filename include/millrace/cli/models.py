"""`millrace models`: the versions of each model, and which of them is the champion."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from millrace.cli.model_traffic import traffic
from millrace.cli.output import as_columns, print_json, print_text

if TYPE_CHECKING:
    from millrace.stores.base import ModelRegistry, ModelVersion, RunStore
    from millrace.stores.champions import Move

app = typer.Typer(help="Model versions and the champion.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Name = Annotated[str, typer.Argument(help="The model's name, which is its pipeline's.")]


@app.command("list")
def list_models(
    name: Annotated[str | None, typer.Argument(help="Show this model's versions.")] = None, as_json: Json = False
) -> None:
    """All models with their champions, or the versions of one model, newest first."""
    registry, _ = _stores()
    if name is None:
        rows = [_model(registry, known, aliases) for known, aliases in sorted(registry.aliases().items())]
        empty = "No models yet. Train one: millrace run NAME"
    else:
        rows = [_version(version) for version in registry.versions(name)]
        empty = f"There is no model called {name} yet. Train it: millrace run {name}"
    if as_json:
        print_json(rows)
    elif rows:
        print_text(as_columns(list(rows[0]), [_cells(row) for row in rows]))
    else:
        print_text(empty)


app.command()(traffic)


@app.command()
def promote(
    name: Name, version: Annotated[str, typer.Argument(help="The version to serve.")], as_json: Json = False
) -> None:
    """Make a version the champion; the service answers with it seconds later. Repeating it changes nothing."""
    from millrace.stores import champions

    registry, runs = _stores()
    present = registry.champion(name)
    _tell(
        _recorded(
            "models.promote", name, present.version if present else None, version,
            lambda: champions.promote(registry, runs, name, version, _person()),
        ),
        as_json,
    )  # fmt: skip


@app.command()
def rollback(
    name: Name,
    only_from: Annotated[
        str | None, typer.Option("--from", help="Only while this version is the champion: safe to repeat.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make the champion before the present one the champion again; called again, it goes one further back."""
    from millrace.stores import champions

    registry, runs = _stores()
    present, earlier = registry.champion(name), champions.previous(registry, name)
    _tell(
        _recorded(
            "models.rollback", name, present.version if present else None, earlier,
            lambda: champions.roll_back(registry, runs, name, _person(), only_from),
        ),
        as_json,
    )  # fmt: skip


def _recorded(action: str, name: str, before: str | None, after: str | None, work: Callable[[], Move]) -> Move:
    """Move the champion, and keep in the audit log that it was done here."""
    from millrace.accounts.trail import AuditTrail, at_the_shell
    from millrace.settings import get_settings
    from millrace.stores.audit_log import MongoAuditLog

    trail = AuditTrail(MongoAuditLog(get_settings()))
    return trail.change(at_the_shell(), action, f"model:{name}", work, {"champion": before}, {"champion": after})


@app.command()
def history(
    name: Name,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Most decisions to show.")] = 20,
    as_json: Json = False,
) -> None:
    """Why each version became the champion, or did not: what runs, persons and live quality decided, newest first."""
    _, runs = _stores()
    told = runs.decisions(name, limit)
    if as_json:
        print_json(told)
    elif told:
        keys = ("at", "version", "kind", "outcome", "reason")
        print_text(as_columns(keys, [[_shown(one.get(key)) for key in keys] for one in told]))
    else:
        print_text(f"Nothing has been decided about {name} yet. Train it: millrace run {name}")


def _shown(value: Any) -> Any:
    return f"{value:%Y-%m-%d %H:%M}" if isinstance(value, datetime) else value


def _stores() -> tuple[ModelRegistry, RunStore]:
    from millrace.settings import get_settings
    from millrace.stores.model_registry import MlflowRegistry
    from millrace.stores.runs import MongoRunStore

    settings = get_settings()
    return MlflowRegistry(settings), MongoRunStore(settings)


def _person() -> str:
    return f"{getpass.getuser()} (millrace models)"


def _tell(move: Move, as_json: bool) -> None:
    if as_json:
        print_json({"model": move.name, "champion": move.champion, "before": move.before, "moved": move.moved})
    elif move.moved:
        print_text(f"{move.name}: version {move.champion} is the champion now; before it: {move.before or 'none'}")
    else:
        print_text(f"{move.name}: version {move.champion} is the champion already")


def _model(registry: ModelRegistry, name: str, aliases: dict[str, str]) -> dict[str, Any]:
    versions = registry.versions(name)
    newest = versions[0] if versions else None
    return {
        "name": name,
        "champion": aliases.get("champion"),
        "challenger": aliases.get("challenger"),
        "versions": len(versions),
        "newest": newest.version if newest else None,
        "created": newest.created if newest else None,
    }


def _version(version: ModelVersion) -> dict[str, Any]:
    return {
        "version": version.version,
        "aliases": version.aliases,
        "candidate": version.tags.get("millrace.candidate"),
        "dataset": version.tags.get("millrace.dataset_version", "")[:12] or None,
        "run": version.run_id,
        "created": version.created,
    }


def _cells(row: dict[str, Any]) -> list[Any]:
    return [", ".join(value) or None if isinstance(value, list) else value for value in row.values()]
