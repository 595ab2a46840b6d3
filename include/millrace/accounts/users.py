"""Makes, changes and removes users; each change is recorded before it is made. Slow where passwords are hashed."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from millrace.accounts.one_time import digest, new_secret
from millrace.accounts.passwords import check_rules, hash_password
from millrace.accounts.roles import Role
from millrace.accounts.trail import Actor, AuditTrail
from millrace.errors import ConflictError, RequestError
from millrace.stores.accounts import MongoAccounts
from millrace.stores.mongo import Document
from millrace.stores.users import no_such_user

NAME = r"^[a-z0-9][a-z0-9._-]{0,63}$"
_SHOWN = ("role", "disabled", "created_at", "password_changed_at")


class Users:
    """The users of one installation."""

    def __init__(self, accounts: MongoAccounts, trail: AuditTrail) -> None:
        self._accounts = accounts
        self._trail = trail

    def listed(self, limit: int, after: str = "") -> list[dict[str, Any]]:
        """Users by name, those after `after`."""
        return [shown(user) for user in self._accounts.users(limit, after)]

    def create(self, actor: Actor, name: str, role: Role, password: str | None) -> dict[str, Any]:
        """Make a user; without a password, a reset token lets the user choose one. Raises ConflictError."""
        check_name(name)
        if password is not None:
            check_rules(password, name)
        if self._accounts.user(name) is not None:
            raise ConflictError(f"There is a user '{name}' already.", hint="Choose another name.")
        user = new_user(name, role.value, password)
        after = {"role": role.value}
        self._trail.change(actor, "user.create", f"user:{name}", lambda: self._accounts.create_user(user), after=after)
        return shown(user)

    def change(self, actor: Actor, name: str, values: dict[str, Any]) -> dict[str, Any]:
        """Set `role` or `disabled`. Raises NotFoundError, and ConflictError where no admin would be left."""
        present = self._present(name)
        if values:
            before = {field: present[field] for field in values}
            work = lambda: self._set(name, values)  # noqa: E731 - read beside the line that uses it
            self._trail.change(actor, "user.change", f"user:{name}", work, before, values)
        return shown({**present, **values})

    def delete(self, actor: Actor, name: str) -> None:
        """Remove a user with all keys and sessions. Raises NotFoundError, ConflictError."""
        present = self._present(name)
        before = {"role": present["role"], "disabled": present["disabled"]}
        self._trail.change(actor, "user.delete", f"user:{name}", lambda: self._accounts.delete_user(name), before)

    def reset_token(self, actor: Actor, name: str, minutes: float) -> tuple[str, datetime]:
        """A token with which the user chooses a new password, once; and when it ends."""
        self._present(name)
        secret, ends = new_secret(), datetime.now(UTC) + timedelta(minutes=minutes)

        def work() -> None:
            self._accounts.add_reset_token(digest(secret), name, ends)

        self._trail.change(actor, "password.reset_token", f"user:{name}", work)
        return secret, ends

    def set_password(self, actor: Actor, action: str, name: str, password: str) -> None:
        """Give a user a new password; all sessions of the user end. Raises NotFoundError, RequestError."""
        self._present(name)
        check_rules(password, name)
        values = {"password_hash": hash_password(password), "password_changed_at": datetime.now(UTC)}

        def work() -> None:
            self._accounts.change_user(name, values)
            self._accounts.end_sessions(name)

        self._trail.change(actor, action, f"user:{name}", work)

    def _present(self, name: str) -> Document:
        user = self._accounts.user(name)
        if user is None:
            raise no_such_user(name)
        return user

    def _set(self, name: str, values: dict[str, Any]) -> None:
        self._accounts.change_user(name, values)
        if values.get("disabled"):
            self._accounts.end_sessions(name)  # so that opening the account again does not open old sessions


def check_name(name: str) -> None:
    """Raise RequestError for what is no name of a user."""
    if not re.fullmatch(NAME, name):
        raise RequestError(
            f"'{name}' is no name of a user.", hint="Allowed: 1 to 64 of a-z 0-9 . _ -, a letter or digit first."
        )


def new_user(name: str, role: str, password: str | None) -> Document:
    """A user as it is stored; without a password nobody can sign in until one is set by a reset token."""
    moment = datetime.now(UTC)
    return {
        "_id": name,
        "role": role,
        "disabled": False,
        "password_hash": hash_password(password) if password is not None else None,
        "created_at": moment,
        "password_changed_at": moment if password is not None else None,
    }


def shown(user: Document) -> dict[str, Any]:
    """A user as people see it: without the hash of the password."""
    return {"name": user["_id"], **{name: user.get(name) for name in _SHOWN}}
