"""`millrace keys`: the API keys of programs. It works on MongoDB, so it needs no service."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from millrace.cli.output import as_columns, note, print_json, print_text

if TYPE_CHECKING:
    from millrace.accounts.keys import Keys

app = typer.Typer(
    help="API keys, with which programs ask the service. Needs MongoDB, not the service.", no_args_is_help=True
)
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Owner = Annotated[str, typer.Option("--owner", help="The user in whose name the key acts; it can do no more.")]


@app.command()
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the key is for, in a word.")],
    owner: Owner,
    scope: Annotated[
        list[str] | None, typer.Option("--scope", help="A permission, repeatable; default: predict.")
    ] = None,
    model: Annotated[list[str] | None, typer.Option("--model", help="Only this model, repeatable; else all.")] = None,
    plan: Annotated[str, typer.Option("--plan", help="How often it may ask: a name of SERVING_PLANS.")] = "standard",
    days: Annotated[float, typer.Option("--days", min=0, max=3650, help="Days until it ends; 0: never.")] = 90,
    as_json: Json = False,
) -> None:
    """Make a key and print it; it is shown this once."""
    from millrace.accounts.keys import Grant
    from millrace.accounts.trail import at_the_shell

    grant = Grant(name, scope or ["predict"], model or None, plan, days or None)
    key, about = _keys().create(at_the_shell(), owner, grant)
    if as_json:
        print_json({"key": str(key), "about": about})
        return
    note(f"{_sentence(about)} It is not shown again. Send it as 'Authorization: Bearer KEY' or 'X-API-Key: KEY'.")
    print_text(str(key))


@app.command("list")
def list_keys(
    owner: Annotated[str | None, typer.Option("--owner", help="Only the keys of this user.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="The newest so many.")] = 100,
    as_json: Json = False,
) -> None:
    """Show keys, newest first; never the keys themselves."""
    rows = _keys().listed(owner, limit)
    if as_json:
        print_json(rows)
    elif not rows:
        print_text("No keys yet. Make one: millrace keys create NAME --owner USER")
    else:
        header = ["id", "name", "owner", "scopes", "models", "plan", "state", "last used"]
        print_text(as_columns(header, [_cells(row) for row in rows]))


@app.command()
def revoke(key: Annotated[str, typer.Argument(metavar="ID", help="The key's id, as 'list' shows it.")]) -> None:
    """End a key; every worker of the service notices within seconds."""
    from millrace.accounts.trail import at_the_shell

    _keys().revoke(at_the_shell(), key)
    note(f"The key {key} counts no more.")


def _keys() -> Keys:
    from millrace.accounts.keys import Keys
    from millrace.accounts.settings import account_settings
    from millrace.accounts.trail import AuditTrail
    from millrace.settings import get_settings
    from millrace.stores.accounts import MongoAccounts
    from millrace.stores.audit_log import MongoAuditLog

    settings = get_settings()
    plans = account_settings(settings.millrace_home).plan_names
    return Keys(MongoAccounts(settings), AuditTrail(MongoAuditLog(settings)), plans)


def _sentence(about: dict[str, Any]) -> str:
    models = ", ".join(about["models"]) if about["models"] else "all models"
    ends = f"until {about['expires_at']:%Y-%m-%d}" if about["expires_at"] else "without an end"
    return f"The key {about['id']} of {about['owner']} can {', '.join(about['scopes'])} on {models}, {ends}."


def _cells(key: dict[str, Any]) -> list[Any]:
    models = ", ".join(key["models"]) if key["models"] else "all"
    used = f"{key['last_used_at']:%Y-%m-%d %H:%M}" if key["last_used_at"] else "never"
    return [key["id"], key["name"], key["owner"], ", ".join(key["scopes"]), models, key["plan"], _state(key), used]


def _state(key: dict[str, Any]) -> str:
    if key["revoked_at"]:
        return f"revoked {key['revoked_at']:%Y-%m-%d}"
    if key["expires_at"] is None:
        return "no end"
    return f"{'ended' if key['expires_at'] <= datetime.now(UTC) else 'until'} {key['expires_at']:%Y-%m-%d}"
