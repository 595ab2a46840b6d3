"""Waits until programs are healthy, and says which one is not and why.

It watches; it starts and stops nothing.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from millrace.errors import StackError
from millrace.local.programs import Program
from millrace.local.supervisor import Supervisor

Progress = Callable[[str, str, float], None]
"""Called with a program's name, its status (`running` while it starts, `success`, `failed`) and seconds so far."""


def silent(program: str, status: str, seconds: float) -> None:
    """Progress for nobody."""


GIVE_UP_AFTER_EXITS = 3
TAIL_LINES = 12
SLOW = "is not healthy"

MENDS = {
    r"address already in use": "Another program took the port; move the stack with MILLRACE_PORT_BASE.",
    r"no space left on device|disk.*full": "The disk is full; free some space and start again.",
    r"database is locked": "Another process holds the database; run `millrace down`, then `millrace up`.",
    r"ModuleNotFoundError|No such file or directory: .*/bin/": "A package is missing; run `make setup`.",
    r"permission denied": "A file under MILLRACE_HOME belongs to another user; give it back or choose another home.",
    r"can't locate revision": "The database was made by a newer version; use that version or another MILLRACE_HOME.",
}
"""What the last lines of a log may say, and how to mend it."""


def wait_until_healthy(
    supervisor: Supervisor, programs: Iterable[Program], host: str, progress: Progress, *, limit: float
) -> None:
    """Return when every program is healthy. Raises StackError about the first one that will not be."""
    watched = {program.name: _Watched(program, host) for program in programs}
    began = time.monotonic()
    while watched:
        known = supervisor.programs()
        for name, one in list(watched.items()):
            seconds = time.monotonic() - began
            if one.is_healthy(known.get(name, {})):
                progress(name, "success", seconds)
                del watched[name]
                continue
            progress(name, "running", seconds)
            reason = one.hopeless(known.get(name)) or (f"{SLOW} after {limit:.0f} s" if seconds > limit else None)
            if reason:
                progress(name, "failed", seconds)
                raise failure(name, reason, supervisor.log_file(name))
        time.sleep(0.15 if watched else 0)


class _Watched:
    """One program while it starts."""

    def __init__(self, program: Program, host: str) -> None:
        self._probe = program.probe(host)
        self._exits: set[int] = set()
        self._first: int | None = None

    def is_healthy(self, info: dict[str, Any]) -> bool:
        return info.get("statename") in {"STARTING", "RUNNING"} and self._probe(info["start"])

    def hopeless(self, info: dict[str, Any] | None) -> str | None:
        if info is None:
            return "is gone, and its supervisor with it"
        if info["statename"] == "FATAL":
            return f"cannot be started ({info['spawnerr'] or 'it exits at once'})"
        if self._first is None:
            self._first = info["stop"]  # an exit from before this start
        if info["stop"] not in {self._first, 0}:
            self._exits.add(info["stop"])
        return "exits again and again" if len(self._exits) >= GIVE_UP_AFTER_EXITS else None


def failure(name: str, reason: str, log_file: Path) -> StackError:
    """The error about a program that will not start: its last words, and how to mend what they say."""
    tail = last_lines(log_file)
    mends = [mend for pattern, mend in MENDS.items() if re.search(pattern, tail, re.IGNORECASE)]
    if not mends and reason.startswith(SLOW):
        mends = ["Mend what its log says; where it says nothing, the machine is busy: raise MILLRACE_START_SECONDS."]
    hint = " ".join(mends) or "Mend what its log says, then run `millrace up` again."
    said = f"The end of {log_file}:\n{tail}\n" if tail else f"It has written nothing to {log_file}."
    return StackError(f"{name} {reason}. {said}", hint=hint, details={"program": name})


def last_lines(path: Path, count: int = TAIL_LINES) -> str:
    """The end of a text file; empty when it is not there."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 16_384))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    return "\n".join(f"  {line[:300]}" for line in text.splitlines()[-count:])
