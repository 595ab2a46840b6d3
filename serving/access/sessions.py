"""Signing in and staying signed in: passwords against tokens, tokens against newer ones, and the end of both.

Every method asks MongoDB and some take a password's time: call them in a thread.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from starlette.requests import HTTPConnection

from millrace.accounts.one_time import digest
from millrace.accounts.passwords import check_rules, verify_password
from millrace.accounts.users import Users
from millrace.stores.accounts import MongoAccounts
from serving.access.audit import Audit, actor_of
from serving.access.callers import address_of, identify
from serving.access.failures import NotSignedInError
from serving.access.throttle import LoginThrottle
from serving.access.tokens import AccessTokens, new_refresh_token, read_refresh_token


@dataclass(frozen=True)
class Pair:
    """What a client gets: a token for the next minutes, and one that is good for the next pair."""

    access: str
    refresh: str
    user: str
    role: str


class Sessions:
    """The sessions of users."""

    def __init__(
        self, accounts: MongoAccounts, users: Users, tokens: AccessTokens, audit: Audit, session_days: float
    ) -> None:
        self._accounts, self._users, self._tokens, self._audit = accounts, users, tokens, audit
        self._throttle = LoginThrottle(accounts)
        self._lives = timedelta(days=session_days)

    def login(self, request: HTTPConnection, name: str, password: str) -> Pair:
        """A new session for a name and its password. Raises NotSignedInError or TooManyRequestsError."""
        address = address_of(request)
        self._throttle.enter(name, address)
        user = self._accounts.user(name)
        fits = verify_password(password, user["password_hash"] if user else None)
        if user is None or not fits or user["disabled"]:
            self._audit.event(request, "login.failed", f"user:{name}")
            raise NotSignedInError("The name or the password is wrong.")
        self._throttle.passed(name, address)
        first = new_refresh_token()
        self._audit.change(
            request,
            "login",
            f"user:{name}",
            lambda: self._accounts.open_session(first.session, name, first.digest, self._ends()),
        )
        return Pair(self._tokens.make(name, first.session), str(first), name, user["role"])

    def refresh(self, request: HTTPConnection, text: str) -> Pair:
        """The next pair for a refresh token. One that was used before ends its session: somebody else has it."""
        given = read_refresh_token(text)
        if given is None:
            raise _no_session()
        following = new_refresh_token(given.session)
        if self._accounts.turn_session(given.session, given.digest, following.digest, self._ends()) is None:
            reused = self._accounts.revoke_if_reused(given.session)
            if reused is not None:
                self._audit.event(request, "session.reused", f"user:{reused['user']}", session=given.session)
            raise _no_session()
        found = self._accounts.session_with_user(given.session)
        if found is None or found[1]["disabled"]:
            raise _no_session()
        user = found[1]
        return Pair(self._tokens.make(user["_id"], given.session), str(following), user["_id"], user["role"])

    def logout(self, request: HTTPConnection) -> None:
        """End the session that asks."""
        caller = identify(request)
        if caller.session is not None:
            session = caller.session
            self._audit.change(request, "logout", f"user:{caller.name}", lambda: self._accounts.end_session(session))

    def change_password(self, request: HTTPConnection, old: str, new: str) -> None:
        """Give the caller a new password; all sessions end."""
        name, address = identify(request).name, address_of(request)
        self._throttle.enter(name, address)
        user = self._accounts.user(name)
        if user is None or not verify_password(old, user["password_hash"]):
            self._audit.event(request, "password.failed", f"user:{name}")
            raise NotSignedInError("The present password is wrong.")
        self._throttle.passed(name, address)
        self._users.set_password(actor_of(request), "password.change", name, new)

    def reset(self, request: HTTPConnection, token: str, new: str) -> None:
        """Set a password by a reset token, which is used up by it."""
        check_rules(new, "\0")  # before the token is used up; the rule about the name comes after
        name = self._accounts.use_reset_token(digest(token))
        if name is None:
            self._audit.event(request, "password.reset_failed", "user:?")
            raise NotSignedInError("The reset token does not count: it is unknown, used or too old.")
        self._users.set_password(actor_of(request), "password.reset", name, new)
        self._accounts.forget_failures(f"user:{name}")

    def _ends(self) -> datetime:
        return datetime.now(UTC) + self._lives


def _no_session() -> NotSignedInError:
    return NotSignedInError("The refresh token does not count: it was used before, or its session ended.",
                            hint="Sign in again.")  # fmt: skip
