"""`millrace credentials`: with what sources and sinks sign in elsewhere. A value goes in and is never shown again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from millrace.cli.output import as_columns, note, print_json, print_text

if TYPE_CHECKING:
    from millrace.accounts.credentials import Credentials

app = typer.Typer(
    help="Stored credentials, encrypted in MongoDB; a spec names one as ${credential:NAME}.", no_args_is_help=True
)
Name = Annotated[str, typer.Argument(metavar="NAME", help="The credential's name: a-z 0-9 . _ - only.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("set")
def set_credential(name: Name) -> None:
    """Store a value, typed without an echo or read from standard input, instead of the one that was there."""
    from millrace.accounts.trail import at_the_shell
    from millrace.cli.secret_input import secret_from_person

    about = _credentials().set(at_the_shell(), name, secret_from_person(f"Value of {name}"))
    note(f"{name} is stored, encrypted with the key {about['key_id']}. A spec names it as ${{credential:{name}}}.")


@app.command("list")
def list_credentials(as_json: Json = False) -> None:
    """Show names, keys, who stored them and when; never values."""
    rows = _credentials().listed()
    if as_json:
        print_json(rows)
    elif not rows:
        print_text("No credentials yet. Store one: millrace credentials set NAME")
    else:
        moments = ((row["set_at"], row["rotated_at"]) for row in rows)
        times = [[f"{moment:%Y-%m-%d %H:%M}" if moment else None for moment in pair] for pair in moments]
        lines = [[row["name"], row["key_id"], row["set_by"], *pair] for row, pair in zip(rows, times, strict=True)]
        print_text(as_columns(["name", "key", "stored by", "stored", "rotated"], lines))


@app.command()
def remove(name: Name) -> None:
    """Forget a credential."""
    from millrace.accounts.trail import at_the_shell

    _credentials().remove(at_the_shell(), name)
    note(f"{name} is removed.")


@app.command()
def rotate(
    new_key: Annotated[
        bool, typer.Option("--new-key", help="Make a new key first, where Millrace keeps the keys itself.")
    ] = False,
) -> None:
    """Encrypt all credentials anew under the first key; the older keys are then needed for backups only."""
    from millrace.accounts.trail import at_the_shell
    from millrace.settings import get_settings
    from millrace.stores.cipher import add_key

    if new_key:
        file = add_key(get_settings())
        note(f"A new key stands first in {file}; copy the file to the other machines of this installation.")
    count = _credentials().rotate(at_the_shell())
    note(f"{count} credential{'' if count == 1 else 's'} encrypted anew.")


def _credentials() -> Credentials:
    from millrace.accounts.credentials import Credentials
    from millrace.accounts.trail import AuditTrail
    from millrace.settings import get_settings
    from millrace.stores.audit_log import MongoAuditLog
    from millrace.stores.credentials import MongoCredentials

    settings = get_settings()
    return Credentials(MongoCredentials(settings), AuditTrail(MongoAuditLog(settings)))
