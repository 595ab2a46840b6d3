"""What a token or a key is worth at present: asks MongoDB, and answers with a caller. Runs in a thread."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from millrace.accounts.api_keys import PREFIX, ApiKey, read_key
from millrace.accounts.roles import GRANTABLE, ROLES, Permission, Role
from millrace.stores.accounts import MongoAccounts
from serving.access.callers import Caller
from serving.access.tokens import AccessTokens


class Lookups:
    """Tokens and keys against the accounts."""

    def __init__(self, accounts: MongoAccounts, tokens: AccessTokens) -> None:
        self._accounts = accounts
        self._tokens = tokens

    def well_formed(self, token: str) -> bool:
        """Whether it could be a token at all; costs no question to MongoDB."""
        return (read_key(token) if token.startswith(PREFIX) else self._tokens.read(token)) is not None

    def caller(self, token: str) -> Caller | None:
        """Who that is at present, or None. Raises StorageError."""
        key = read_key(token)
        return self._of_session(token) if key is None else self._of_key(key)

    def _of_session(self, token: str) -> Caller | None:
        said = self._tokens.read(token)
        found = self._accounts.session_with_user(said.session) if said else None
        if said is None or found is None:
            return None
        session, user = found
        if user["_id"] != said.user or user["disabled"]:
            return None
        return Caller(
            user["_id"], "user", ROLES[Role(user["role"])], role=user["role"], session=session["_id"],
            expires=said.expires,
        )  # fmt: skip

    def _of_key(self, given: ApiKey) -> Caller | None:
        found = self._accounts.key_with_owner(given.id)
        if found is None or not given.fits(found[0]["hash"]):
            return None
        key, owner = found
        ended = key["expires_at"] is not None and key["expires_at"] <= datetime.now(UTC)
        if key["revoked_at"] is not None or owner["disabled"] or ended:
            return None
        self._accounts.note_key_use(key)
        return _caller(key, ROLES[Role(owner["role"])])


def _caller(key: dict[str, Any], of_owner: Collection[Permission]) -> Caller:
    """The key's scopes, as far as its owner still has them."""
    granted = frozenset(Permission(scope) for scope in key["scopes"] if scope in GRANTABLE)
    return Caller(
        f"{key['owner']}/{key['_id']}",
        "key",
        granted & frozenset(of_owner),
        models=None if key["models"] is None else frozenset(key["models"]),
        plan=key["plan"],
        expires=key["expires_at"].timestamp() if key["expires_at"] else float("inf"),
    )
