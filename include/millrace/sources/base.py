"""What a source and a sink are, and the words that all of them share.

A source answers for reading a table in bounded chunks of raw rows; typing, timestamps and the data interval are done
once for all sources in `millrace.sources.reading`, which is how everything else reads a source. A sink answers for
writing a table exactly once for an interval.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from millrace.errors import RequestError
from millrace.strict import StrictModel

if TYPE_CHECKING:
    import pandas as pd

CHUNK_ROWS = 250_000
"""Rows of one chunk: small enough that a dozen columns stay below 100 MB, large enough to be vectorised."""


@dataclass(frozen=True)
class DataInterval:
    """The half-open span of time [start, end) that a run answers for; both ends are UTC-aware."""

    start: datetime
    end: datetime

    def __str__(self) -> str:
        return f"{self.start:%Y-%m-%d %H:%M} to {self.end:%Y-%m-%d %H:%M} UTC"

    def as_document(self) -> dict[str, str]:
        """The interval as small JSON: `{"start": iso, "end": iso}`."""
        return {"start": self.start.isoformat(), "end": self.end.isoformat()}

    @classmethod
    def from_document(cls, document: dict[str, str] | None) -> DataInterval | None:
        """The interval that `as_document` wrote, or None."""
        if document is None:
            return None
        return cls(datetime.fromisoformat(document["start"]), datetime.fromisoformat(document["end"]))

    @classmethod
    def between(cls, start: str | None, end: str | None) -> DataInterval | None:
        """The interval between two ISO 8601 times, UTC where they name no zone; None where both are absent."""
        if start is None and end is None:
            return None
        if start is None or end is None:
            raise RequestError("One end of the data interval is missing.", hint="Give both its start and its end.")
        interval = cls(_utc(start), _utc(end))
        if interval.start >= interval.end:
            raise RequestError(f"The data interval's start {start} is not before its end {end}.", hint="Exchange them.")
        return interval


def _utc(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise RequestError(f"'{text}' is no time.", hint="Write it as 2026-01-31 or 2026-01-31T06:00:00Z.") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@dataclass
class Reading:
    """What a read must know, and what it has to say afterwards (`notes`, `origin`).

    `text_columns` are to be read as they are written, whatever they look like: times are put together from them.
    """

    interval: DataInterval | None = None
    chunk_rows: int = CHUNK_ROWS
    text_columns: frozenset[str] = frozenset()
    notes: list[str] = field(default_factory=list)
    origin: dict[str, Any] = field(default_factory=dict)

    def note(self, text: str) -> None:
        """Keep one sentence for the run's warnings, once."""
        if text not in self.notes:
            self.notes.append(text)


class Timestamp(StrictModel):
    """How a row's time is put together: the columns it is read from, their format, and the new column's name."""

    from_: str | Annotated[list[str], Field(min_length=1)] = Field(
        alias="from", description="The column, or the columns joined by one space."
    )
    format: str | None = Field(default=None, description="strptime format, `unix` or `unix_ms`; ISO 8601 where absent.")
    as_: str = Field(default="timestamp", alias="as", description="Name of the new column.")
    timezone: str | None = Field(default=None, description="IANA zone of naive times; UTC where absent.")
    ambiguous: Literal["error", "earlier", "later", "missing"] = Field(
        default="error", description="A naive time that the zone has twice (clocks go back)."
    )
    nonexistent: Literal["error", "forward", "missing"] = Field(
        default="error", description="A naive time that the zone leaves out (clocks go forward)."
    )
    keep: bool = Field(default=False, description="Keep the columns that the time was read from.")

    @property
    def columns(self) -> list[str]:
        """The columns that the time is read from, always as a list."""
        return [self.from_] if isinstance(self.from_, str) else self.from_


class IntervalColumn(StrictModel):
    """Restricts a read to the run's data interval: rows with start - lookback <= column < end."""

    column: str = Field(description="Timestamp column that the interval is compared with.")
    lookback: timedelta = Field(default=timedelta(0), description="How far before the interval's start to read.")


class Source(StrictModel, ABC):
    """Where a table comes from. An entry sets `type` to a Literal and implements `read`."""

    type: str
    timestamp: Timestamp | None = Field(default=None, description="How the rows' time is read.")
    interval: IntervalColumn | None = Field(default=None, description="Read only the run's data interval.")

    def chosen(self, reading: Reading) -> Source:
        """The source that is really read: this one, or the one that stands in for it (which is noted)."""
        del reading
        return self

    @abstractmethod
    def read(self, reading: Reading) -> Iterator[pd.DataFrame]:
        """Yield the rows as frames of at most `reading.chunk_rows` rows, columns as the source names them.

        Raises SourceError (what was found, what to do) or SourceUnavailableError (may succeed later).
        """


@dataclass(frozen=True)
class Delivery:
    """What a sink must know to write exactly once: whose table, which run, which interval, which content."""

    pipeline: str
    run_id: str
    dataset_version: str
    interval: DataInterval | None


class Sink(StrictModel, ABC):
    """Where a transformed table goes. An entry sets `type` to a Literal and implements `write`."""

    type: str

    @abstractmethod
    def write(self, frames: Iterable[pd.DataFrame], delivery: Delivery) -> dict[str, Any]:
        """Write the table so that a repeated call leaves the same state; returns small JSON (`rows`, `target`, …).

        Raises SinkError.
        """
