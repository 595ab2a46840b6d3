"""`millrace users`: who may sign in to the service, and as what. It works on MongoDB, not through the service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from millrace.cli.output import as_columns, note, print_json, print_text

if TYPE_CHECKING:
    from millrace.accounts.users import Users

app = typer.Typer(
    help="People who sign in to the service: admins, operators, viewers. Needs MongoDB, not the service.",
    no_args_is_help=True,
)
Name = Annotated[str, typer.Argument(metavar="NAME", help="The user's name: a-z 0-9 . _ - only.")]
Role = Annotated[str, typer.Option("--role", "-r", help="viewer, operator or admin.")]
Password = Annotated[
    bool,
    typer.Option("--password", help="Ask for a password (or read it from standard input); else a token is made."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_PAGE = 200


@app.command("list")
def list_users(as_json: Json = False) -> None:
    """Show all users with their roles."""
    users, rows = _users(), list[dict[str, Any]]()
    while page := users.listed(_PAGE, rows[-1]["name"] if rows else ""):
        rows += page
    if as_json:
        print_json(rows)
    elif not rows:
        print_text("No users yet. The service makes the user 'admin' at its first start; or: millrace users add NAME")
    else:
        print_text(as_columns(["name", "role", "state", "password set", "made"], [_cells(row) for row in rows]))


@app.command()
def add(name: Name, role: Role = "viewer", password: Password = False, as_json: Json = False) -> None:
    """Make a user. Without --password, a token is printed with which the user chooses one."""
    from millrace.accounts.trail import at_the_shell

    chosen, given = _role(role), _password() if password else None
    user = _users().create(at_the_shell(), name, chosen, given)
    if given is not None:
        _tell(user, as_json)
    else:
        _make_token(name, as_json)


@app.command("set-role")
def set_role(
    name: Name, role: Annotated[str, typer.Argument(help="viewer, operator or admin.")], as_json: Json = False
) -> None:
    """Give a user another role. The last admin stays one."""
    _change(name, {"role": _role(role).value}, as_json)


@app.command()
def disable(name: Name, as_json: Json = False) -> None:
    """Close a user's account: sessions end, and keys count no more until it is enabled."""
    _change(name, {"disabled": True}, as_json)


@app.command()
def enable(name: Name, as_json: Json = False) -> None:
    """Open a closed account again."""
    _change(name, {"disabled": False}, as_json)


@app.command("reset-password")
def reset_password(name: Name, password: Password = False, as_json: Json = False) -> None:
    """Print a token with which the user chooses a new password; or set one with --password."""
    from millrace.accounts.trail import at_the_shell

    if not password:
        _make_token(name, as_json)
        return
    _users().set_password(at_the_shell(), "password.set", name, _password())
    note(f"{name} has a new password; all sessions of {name} have ended.")


@app.command()
def remove(name: Name) -> None:
    """Remove a user with all keys and sessions."""
    from millrace.accounts.trail import at_the_shell

    _users().delete(at_the_shell(), name)
    note(f"{name} is removed.")


def _users() -> Users:
    from millrace.accounts.trail import AuditTrail
    from millrace.accounts.users import Users
    from millrace.settings import get_settings
    from millrace.stores.accounts import MongoAccounts
    from millrace.stores.audit_log import MongoAuditLog

    settings = get_settings()
    return Users(MongoAccounts(settings), AuditTrail(MongoAuditLog(settings)))


def _role(given: str) -> Any:
    from millrace.accounts.roles import Role
    from millrace.cli.failures import CommandError
    from millrace.errors import did_you_mean

    if given not in set(Role):
        raise CommandError(f"There is no role '{given}'.", hint=did_you_mean(given, Role))
    return Role(given)


def _password() -> str:
    from millrace.cli.secret_input import secret_from_person

    return secret_from_person("Password")


def _change(name: str, values: dict[str, Any], as_json: bool) -> None:
    from millrace.accounts.trail import at_the_shell

    _tell(_users().change(at_the_shell(), name, values), as_json)


def _make_token(name: str, as_json: bool) -> None:
    from millrace.accounts.settings import account_settings
    from millrace.accounts.trail import at_the_shell
    from millrace.settings import get_settings

    minutes = account_settings(get_settings().millrace_home).serving_reset_minutes
    token, ends = _users().reset_token(at_the_shell(), name, minutes)
    if as_json:
        print_json({"name": name, "reset_token": token, "expires_at": ends.isoformat()})
        return
    note(f"{name} chooses a password with this token, once, before {ends:%Y-%m-%d %H:%M} UTC; it is not shown again.")
    note("In the console: Sign in, then 'I have a reset token'. By HTTP: POST /api/v1/auth/reset.")
    print_text(token)


def _tell(user: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(user)
    else:
        print_text(f"{user['name']}: {user['role']}, {_state(user)}")


def _state(user: dict[str, Any]) -> str:
    return "disabled" if user["disabled"] else "enabled"


def _cells(user: dict[str, Any]) -> list[Any]:
    made, changed = (f"{moment:%Y-%m-%d}" if moment else None for moment in _moments(user))
    return [user["name"], user["role"], _state(user), changed or "never", made]


def _moments(user: dict[str, Any]) -> tuple[Any, Any]:
    return user["created_at"], user["password_changed_at"]
