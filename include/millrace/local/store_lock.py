"""Who may start, stop and use the embedded stores of one home. The kernel drops a lock whose holder is killed.

Two locks: `starting` is held while something is being started; the stores' lock is shared by the local runs that use
stores without a stack, and exclusive for whoever is about to stop or replace those stores. `starting` comes first.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from millrace.local.private_files import private_folder

NOTICE_SECONDS = 1.0


class Notice(Protocol):
    """Told about a wait: who waits for what, the status `running` or `success`, and the seconds so far."""

    def __call__(self, name: str, status: str, seconds: float, /) -> None:
        """Take note."""


def stores_lock_file(home: Path) -> Path:
    """The file whose lock stands for the use of the stores; the keeper of local runs' stores waits for it too."""
    return private_folder(home / "supervisor") / "stores.lock"


@contextmanager
def starting(home: Path, notice: Notice) -> Iterator[None]:
    """Held by one process at a time while it starts programs of this home."""
    path = private_folder(home / "supervisor") / "starting.lock"
    with _locked(path, fcntl.LOCK_EX, "another start of this stack", notice):
        yield


@contextmanager
def exclusive_stores(home: Path, notice: Notice) -> Iterator[None]:
    """Wait until no local run uses the stores, and let none begin."""
    with _locked(stores_lock_file(home), fcntl.LOCK_EX, "local runs of this home", notice):
        yield


@contextmanager
def shared_stores(home: Path, notice: Notice) -> Iterator[int]:
    """Held by each local run while it uses the stores; yields the lock's descriptor."""
    with _locked(stores_lock_file(home), fcntl.LOCK_SH, "stores that are being stopped", notice) as descriptor:
        yield descriptor


def is_last_user(descriptor: int) -> bool:
    """Whether no other process shares the lock; if so, this one holds it exclusively from now on."""
    return _try(descriptor, fcntl.LOCK_EX)


@contextmanager
def _locked(path: Path, kind: int, awaited: str, notice: Notice) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _acquire(descriptor, kind, f"waiting for {awaited}", notice)
        yield descriptor
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, kind: int, what: str, notice: Notice) -> None:
    began = time.monotonic()
    told = False
    while not _try(descriptor, kind):
        seconds = time.monotonic() - began
        if seconds > NOTICE_SECONDS:
            told = True
            notice(what, "running", seconds)
        time.sleep(0.05)
    if told:
        notice(what, "success", time.monotonic() - began)


def _try(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
