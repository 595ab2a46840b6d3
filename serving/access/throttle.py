"""Slows down whoever tries passwords: each further failure doubles the wait, for a user and for an address.

An attempt is counted before the password is looked at, so that many at once gain nothing.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

from millrace.stores.accounts import MongoAccounts
from serving.access.addresses import counted_address
from serving.access.failures import TooManyRequestsError

_FREE = {"user": 3, "address": 10}
_LONGEST = {"user": 300.0, "address": 900.0}


class LoginThrottle:
    """The failed logins of users and addresses."""

    def __init__(self, accounts: MongoAccounts) -> None:
        self._accounts = accounts

    def enter(self, user: str, address: str) -> None:
        """Count an attempt. Raises TooManyRequestsError while the user or the address must wait."""
        marks = {"user": f"user:{user}", "address": f"address:{counted_address(address)}"}
        for mark in marks.values():
            _refuse(self._accounts.closed_until(mark))
        for kind, mark in marks.items():
            _refuse(self._accounts.take_attempt(mark, partial(wait_after, kind)))

    def passed(self, user: str, address: str) -> None:
        """The password was right: the user's failures are forgotten, the address only gets this attempt back.

        Otherwise someone with an account could clear an address between guesses at others' passwords.
        """
        self._accounts.forget_failures(f"user:{user}")
        self._accounts.forgive_one(f"address:{counted_address(address)}")


def _refuse(until: datetime | None) -> None:
    if until is not None:
        seconds = (until - datetime.now(UTC)).total_seconds()
        raise TooManyRequestsError.after("There were too many failed logins.", seconds)


def wait_after(kind: str, count: int) -> float:
    """How long nobody may try after so many attempts, in seconds: 0, then 1, 2, 4, up to some minutes."""
    beyond = count - _FREE[kind]
    return 0.0 if beyond < 0 else min(2.0 ** min(beyond, 30), _LONGEST[kind])
