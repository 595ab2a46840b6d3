"""Passwords: the rules for a new one, and argon2 for keeping it. Slow on purpose: call it in a thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING

from millrace.errors import BusyError, RequestError

if TYPE_CHECKING:
    from pwdlib import PasswordHash

SHORTEST, LONGEST = 12, 256
FEWEST_SIGNS = 5
COST = (3, 65_536, 4)
"""argon2's passes, KiB of memory and lanes, which each guess costs too: what RFC 9106 says for little memory."""
MOST_WAITING = 10
_at_once = threading.BoundedSemaphore(2)  # each takes 64 MiB: many logins at once must not exhaust the memory
_places = threading.BoundedSemaphore(MOST_WAITING)  # each waits in a thread that other requests need too
_COMMON = ("password", "passwort", "letmein", "changeme", "qwertz", "qwerty", "123456", "abcdef", "millrace", "admin")


def check_rules(password: str, user: str) -> None:
    """Raise RequestError for a password that is easy to guess."""
    problem = _problem(password, user)
    if problem:
        raise RequestError(
            f"This password will not do: {problem}.",
            hint=f"Take {SHORTEST} to {LONGEST} characters that are neither a common word nor the user's name.",
        )


def _problem(password: str, user: str) -> str | None:
    plain = password.casefold()
    if not _is_text(password):
        return "it holds half of a surrogate pair, which is no character"
    if not SHORTEST <= len(password) <= LONGEST:
        return f"it has {len(password)} characters"
    if len(set(password)) < FEWEST_SIGNS:
        return f"it has fewer than {FEWEST_SIGNS} different characters"
    if user.casefold() in plain:
        return "it contains the user's name"
    rest = plain
    for word in _COMMON:
        rest = rest.replace(word, "")
    return "it is made of a common word" if len(rest) < SHORTEST // 2 else None


def hash_password(password: str) -> str:
    """What is stored of a password."""
    with _turn():
        return _hasher().hash(password)


def verify_password(password: str, stored: str | None) -> bool:
    """Whether it is the password; an unknown user costs as much time as a known one."""
    with _turn():
        fits = _hasher().verify(password if _is_text(password) else "", stored or _nobody())
    return fits and stored is not None and _is_text(password)


def _is_text(password: str) -> bool:
    """Whether UTF-8 can carry it: JSON can hold halves of surrogate pairs."""
    return not any("\ud800" <= sign <= "\udfff" for sign in password)


@contextmanager
def _turn() -> Iterator[None]:
    """One of the few at a time. Raises BusyError where too many wait."""
    if not _places.acquire(blocking=False):
        raise BusyError("Too many passwords are being looked at.", hint="Try again in a second.")
    try:
        with _at_once:
            yield
    finally:
        _places.release()


@lru_cache(maxsize=1)
def _hasher() -> PasswordHash:
    from pwdlib import PasswordHash
    from pwdlib.hashers.argon2 import Argon2Hasher

    return PasswordHash((Argon2Hasher(*COST),))


@lru_cache(maxsize=1)
def _nobody() -> str:
    return _hasher().hash("the password of a user who does not exist")
