"""Decides whether a prediction may begin: refuses at once what would wait too long, and ends what its caller gave up.

Each model has a limit of rows that may be under way at a time, learnt from how long predictions take: it is cut when
they take longer than is allowed and grows slowly while they do not (additive increase, multiplicative decrease; Chiu
and Jain, 1989). So the work in progress is about what the model finishes in the time that is allowed, whatever is
offered. It is never cut below what the model itself, by its measured pace, computes in half of that time: where the
event loop is what takes long, fewer rows under way would only leave the model idle. A model with nothing under way
takes whatever comes. It runs on the event loop only.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from serving.failures import OverloadedError

Result = TypeVar("Result")


class DeadlineError(OverloadedError):
    """The answer did not come within the time that its caller gave."""

    code = "deadline_exceeded"


MOST_ROWS, LEAST_ROWS = 10_000.0, 32.0
CUT, GROWTH = 0.7, 8.0
SECONDS_A_ROW = 0.001
"""How much longer than a single row a batch may take, for each of its rows."""
LATE = 40.0
"""Nothing new is taken while the oldest has been under way for so many times what is allowed."""
STUCK = 600.0
"""Beyond so many times what is allowed it counts as one that will not end."""


class _Line:
    """What is under way for one model, and how much may be."""

    def __init__(self, name: str, most: float) -> None:
        self.name = name
        self.since: dict[Place, float] = {}  # oldest first
        self.rows = 0
        self.most = most
        self._cut_at = float("-inf")

    def takes(self, rows: int, oldest_seconds: float) -> bool:
        """Whether so many more rows may be under way."""
        if not self.since:
            return True
        return self.rows + rows <= self.most and time.monotonic() - next(iter(self.since.values())) <= oldest_seconds

    def learn(self, rows: int, seconds: float, allowed: float, least: float) -> None:
        """Move the limit by a prediction that has ended, though not below `least`."""
        now = time.monotonic()
        if seconds <= allowed:
            self.most = min(MOST_ROWS, self.most + rows * GROWTH / self.most)
        elif now - self._cut_at > allowed:  # what was taken before the last cut says nothing of the limit since
            self.most = max(least, CUT * min(self.most, self.rows))
            self._cut_at = now


class Place:
    """One prediction that is under way."""

    __slots__ = ("line", "rows", "since")

    def __init__(self, line: _Line, rows: int, since: float) -> None:
        self.line, self.rows, self.since = line, rows, since


class Admission:
    """The door before the models of one process.

    `wait_seconds`: how long a prediction of one row may take; `first_rows`: the limit of a model that is not known yet.
    """

    def __init__(
        self,
        wait_seconds: float,
        patience: Callable[[], float | None] = lambda: None,
        note_shed: Callable[[str, int], None] = lambda _name, _requests: None,
        first_rows: float = MOST_ROWS,
        paces: dict[str, float] | None = None,
    ) -> None:
        self._wait_seconds, self._first_rows = wait_seconds, first_rows
        self._patience = patience
        self._note_shed = note_shed
        self._lines: dict[str, _Line] = {}
        self.paces: dict[str, float] = {} if paces is None else paces
        """What a row costs each model by itself, in seconds, as its queue measures it."""

    def has_room(self, name: str, rows: int = 1) -> bool:
        """Whether a prediction may begin."""
        line = self._lines.get(name)
        return line is None or line.takes(rows, LATE * self._allowed(rows))

    def is_stuck(self, name: str) -> bool:
        """Whether the oldest prediction of this model has been under way for far longer than its rows explain."""
        line = self._lines.get(name)
        oldest = None if line is None else next(iter(line.since), None)
        return oldest is not None and time.monotonic() - oldest.since > STUCK * self._allowed(oldest.rows)

    def begin(self, name: str, rows: int = 1) -> Place:
        """Let a prediction be under way; `end` must follow."""
        line = self._lines.get(name) or self._lines.setdefault(name, _Line(name, self._first_rows))
        place = Place(line, rows, time.monotonic())
        line.since[place] = place.since
        line.rows += rows
        return place

    def end(self, place: Place, *, learn: bool = True) -> None:
        """A prediction is no longer under way; the limit learns from one that ended by itself."""
        line = place.line
        if line.since.pop(place, None) is None:
            return
        if learn:
            least = max(LEAST_ROWS, self._computed(line.name))
            line.learn(place.rows, time.monotonic() - place.since, self._allowed(place.rows), least)
        line.rows -= place.rows

    @contextmanager
    def enter(self, name: str, rows: int) -> Iterator[None]:
        """Let a prediction be under way. Raises OverloadedError at once when it would wait too long."""
        if not self.has_room(name, rows):
            raise self.refusal(name)
        place = self.begin(name, rows)
        ended = False
        try:
            yield
            ended = True
        finally:
            self.end(place, learn=ended)

    def refusal(self, name: str, requests: int = 1) -> OverloadedError:
        """The error for so many predictions that may not begin; they are counted."""
        self._note_shed(name, requests)
        return OverloadedError(
            f"The model {name} has more to do than it can: {self._lines[name].rows:,} rows are under way already.",
            hint="Try again in a second.",
        )

    def _computed(self, name: str) -> float:
        """The rows that the model computes in half of the time that one may take; 0 where its pace is not known."""
        pace = self.paces.get(name)
        return min(MOST_ROWS, self._wait_seconds / (2 * pace)) if pace else 0.0

    def _allowed(self, rows: int) -> float:
        return self._wait_seconds + SECONDS_A_ROW * (rows - 1)

    async def in_time(self, name: str, work: Coroutine[Any, Any, Result]) -> Result:
        """What `work` gives. Raises DeadlineError when its caller's time is over before."""
        patience = self._patience()
        if patience is None:
            return await work
        try:
            async with asyncio.timeout(patience):
                return await work
        except TimeoutError:
            self._note_shed(name, 1)
            raise DeadlineError(
                f"The model {name} did not answer within the {patience * 1000:g} milliseconds that the request gave.",
                hint="Give it more time, or ask when there is less to do.",
            ) from None

    def under_way(self) -> int:
        """The rows of all models that wait or are computed."""
        return sum(line.rows for line in list(self._lines.values()))
