"""Decides whether a prediction may begin: refuses at once what would wait too long, and ends what its caller gave up.

While the oldest prediction of a model has been under way for longer than is allowed, the model takes no newcomer;
one with nothing under way takes whatever comes. It runs on the event loop only.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

from serving.failures import OverloadedError

Result = TypeVar("Result")


class DeadlineError(OverloadedError):
    """The answer did not come within the time that its caller gave."""

    code = "deadline_exceeded"


@dataclass(slots=True)
class _UnderWay:
    """One prediction that waits or is computed."""

    rows: int
    since: float


class Admission:
    """The door before the models of one process."""

    def __init__(
        self,
        wait_seconds: float,
        patience: Callable[[], float | None] = lambda: None,
        note_shed: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._wait_seconds = wait_seconds
        self._patience = patience
        self._note_shed = note_shed
        self._present: dict[str, dict[object, _UnderWay]] = {}  # oldest first

    @contextmanager
    def enter(self, name: str, rows: int) -> Iterator[None]:
        """Let a prediction be under way. Raises OverloadedError at once when it would wait too long."""
        present = self._present.setdefault(name, {})
        now = time.monotonic()
        oldest = next(iter(present.values()), None)
        if oldest is not None and now - oldest.since > self._wait_seconds:
            self._refuse(name, now - oldest.since)
        mark = object()
        present[mark] = _UnderWay(rows, now)
        try:
            yield
        finally:
            del present[mark]

    async def in_time(self, name: str, work: Coroutine[Any, Any, Result]) -> Result:
        """What `work` gives. Raises DeadlineError when its caller's time is over before."""
        patience = self._patience()
        if patience is None:
            return await work
        try:
            async with asyncio.timeout(patience):
                return await work
        except TimeoutError:
            self._note_shed(name)
            raise DeadlineError(
                f"The model {name} did not answer within the {patience * 1000:g} milliseconds that the request gave.",
                hint="Give it more time, or ask when there is less to do.",
            ) from None

    def under_way(self) -> int:
        """The rows of all models that wait or are computed."""
        return sum(one.rows for present in list(self._present.values()) for one in list(present.values()))

    def _refuse(self, name: str, seconds: float) -> NoReturn:
        self._note_shed(name)
        raise OverloadedError(
            f"The model {name} has more to do than it can: the oldest prediction waits for {seconds:.1f} s already.",
            hint="Try again in a second.",
        )
