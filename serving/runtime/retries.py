"""When a version that could not be loaded is tried again: soon, then ever less often."""

from __future__ import annotations

import time
from dataclasses import dataclass

from millrace.errors import MillraceError, StorageError

FIRST_PAUSE, LONGEST_PAUSE = 5.0, 300.0


@dataclass(frozen=True)
class Failure:
    """A version that could not be loaded, and when it is tried again."""

    version: str
    error: str
    attempts: int
    retry_at: float

    @property
    def is_due(self) -> bool:
        """Whether it is time to try again."""
        return time.monotonic() >= self.retry_at


def next_failure(last: Failure | None, version: str, error: Exception) -> Failure:
    """The failure after `last`, which counts where it is of the same version."""
    attempts = last.attempts + 1 if last is not None and last.version == version else 1
    pause = min(FIRST_PAUSE * 2 ** min(attempts - 1, 30), LONGEST_PAUSE)
    return Failure(version, sentence_of(error), attempts, time.monotonic() + pause)


def sentence_of(error: Exception) -> str:
    """What went wrong, in one sentence for people."""
    if isinstance(error, MillraceError):
        return str(error)
    return str(StorageError(f"{type(error).__name__}: {(str(error).splitlines() or ['no message'])[0]}."))
