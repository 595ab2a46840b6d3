"""Reads any source: what is done once for all of them stands here.

Empty rows are left out, the time is put together, the data interval is applied, two columns of one name are refused.
Every frame of a read has the same columns and types; what was left out is noted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from millrace.errors import SourceError, did_you_mean
from millrace.sources.base import IntervalColumn, Reading, Source, Timestamp

if TYPE_CHECKING:
    import pandas as pd


@dataclass
class _Tally:
    """What was left out of a read, to be noted once at its end."""

    read: int = 0
    empty: int = 0
    timeless: int = 0
    outside: int = 0


def read_source(source: Source, reading: Reading) -> Iterator[pd.DataFrame]:
    """Yield the source's rows; at least one frame, which is empty when no row is left.

    Raises SourceError (what was found, what to do) or SourceUnavailableError (may succeed later).
    """
    chosen = source.chosen(reading)
    timestamp = chosen.timestamp or source.timestamp
    interval = (chosen.interval or source.interval) if reading.interval else None
    if timestamp is not None and not timestamp.keep:
        reading.text_columns |= frozenset(timestamp.columns)
    tally = _Tally()
    empty: pd.DataFrame | None = None
    kept = 0
    for raw in chosen.read(reading):
        frame = _prepared(raw, timestamp, interval, reading, tally)
        empty = frame.iloc[:0] if empty is None else empty
        kept += len(frame)
        if len(frame):
            yield frame
    _note(tally, timestamp, reading)
    if kept == 0 and empty is not None:
        yield empty


def read_table(source: Source, reading: Reading | None = None) -> pd.DataFrame:
    """The whole source as one frame, for tables that fit into memory."""
    import pandas as pd

    return pd.concat(list(read_source(source, reading or Reading())), ignore_index=True)


def _prepared(
    raw: pd.DataFrame, timestamp: Timestamp | None, interval: IntervalColumn | None, reading: Reading, tally: _Tally
) -> pd.DataFrame:
    import pandas as pd

    _check_unique(raw)
    frame = raw.set_axis(pd.RangeIndex(tally.read, tally.read + len(raw)), axis=0)
    tally.read += len(frame)
    frame = _without_empty_rows(frame, tally)
    if timestamp is not None:
        from millrace.sources.timestamps import with_timestamp

        frame = with_timestamp(frame, timestamp)
        tally.timeless += int(frame[timestamp.as_].isna().sum())
    if interval is not None:
        frame = _within(frame, interval, reading, tally)
    return frame.reset_index(drop=True)


def _check_unique(frame: pd.DataFrame) -> None:
    names = frame.columns
    if not names.is_unique:
        raise SourceError(
            f"The table has more than one column named '{names[names.duplicated()][0]}'.",
            hint="Give each column a name of its own: in the file, or by an alias in the query.",
        )


def _without_empty_rows(frame: pd.DataFrame, tally: _Tally) -> pd.DataFrame:
    # One column that is never null settles it without a look at the others.
    if not len(frame) or any(frame.iloc[:, i].notna().all() for i in range(min(3, frame.shape[1]))):
        return frame
    filled = frame.notna().any(axis=1)
    tally.empty += int((~filled).sum())
    return frame[filled]


def _within(frame: pd.DataFrame, rule: IntervalColumn, reading: Reading, tally: _Tally) -> pd.DataFrame:
    import pandas as pd

    assert reading.interval is not None  # noqa: S101 - the caller's condition
    if rule.column not in frame.columns:
        raise SourceError(
            f"source.interval names the column '{rule.column}', which the table does not have.",
            hint=did_you_mean(rule.column, map(str, frame.columns)),
        )
    times: pd.Series[Any] = frame[rule.column]
    if not pd.api.types.is_datetime64_any_dtype(times):
        if times.isna().all():
            times = pd.Series(pd.NaT, index=frame.index, dtype="datetime64[ns, UTC]")
        else:
            raise SourceError(
                f"source.interval names the column '{rule.column}', which holds {times.dropna().iloc[0]!r}, not times.",
                hint="Read the time by source.timestamp, and name its new column.",
            )
    if times.dt.tz is None:
        times = times.dt.tz_localize("UTC")
    start, end = pd.Timestamp(reading.interval.start - rule.lookback), pd.Timestamp(reading.interval.end)
    inside = (times >= start) & (times < end)
    tally.outside += int((~inside).sum())
    return frame[inside]


def _note(tally: _Tally, timestamp: Timestamp | None, reading: Reading) -> None:
    reading.origin["rows_read"] = tally.read - tally.empty
    if tally.empty:
        reading.note(f"{tally.empty:,} empty rows were left out.")
    if tally.timeless and timestamp is not None:
        reading.note(f"{tally.timeless:,} rows have no time in {' + '.join(timestamp.columns)}.")
    if tally.outside:
        reading.origin["rows_outside_interval"] = tally.outside
    if tally.read == tally.empty:
        reading.note("The source has no rows.")
