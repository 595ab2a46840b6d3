"""Finds the columns that hold times, and the one by which the table's rows are ordered.

A column is a time only when every value of it has one format; a guess that fits most values is no time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

ISO = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:\s?Z|[+-]\d{2}:?\d{2})?)?")
DATES = (
    "%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d",
    "%d/%m/%y", "%m/%d/%y", "%d.%m.%y", "%d %b %Y", "%d-%b-%Y", "%d-%b-%y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y",
)  # fmt: skip
CLOCKS = ("%H:%M:%S", "%H:%M", "%H.%M.%S", "%H.%M", "%I:%M:%S %p", "%I:%M %p", "%H:%M:%S.%f")
_SAMPLE = 500
_WORDY = re.compile(r"\d")


@dataclass(frozen=True)
class Clock:
    """The time of a table's rows: the columns that it is read from, their format, and what a person should check."""

    columns: tuple[str, ...]
    format: str | None
    values: pd.Series
    doubt: str | None = None


def find_times(frame: pd.DataFrame) -> list[Clock]:
    """Every time in the table: typed columns, text in one format, and a date column with its clock column."""
    found = [clock for name in frame.columns if (clock := _time_of(frame[name])) is not None]
    joined = [clock for clock in (_with_clock_column(frame, date) for date in found) if clock is not None]
    taken = {column for clock in joined for column in clock.columns}
    return joined + [clock for clock in found if clock.columns[0] not in taken]


def order_of_rows(times: list[Clock]) -> Clock | None:
    """The time that the rows are ordered by: mostly its own for each row, or sorted; None for mere date attributes."""
    fitting = [clock for clock in times if _orders(clock.values)]
    return max(fitting, key=lambda clock: clock.values.nunique(), default=None)


def _orders(values: pd.Series) -> bool:
    if values.isna().any() or values.nunique() < 10:
        return False
    return bool(values.nunique() >= len(values) / 2 or values.is_monotonic_increasing)


def _time_of(column: pd.Series) -> Clock | None:
    import pandas as pd

    name = str(column.name)
    if isinstance(column.dtype, pd.DatetimeTZDtype) or column.dtype.kind == "M":
        return Clock((name,), None, pd.to_datetime(column, utc=True))
    texts = _texts(column)
    if texts is None:
        return None
    if all(ISO.fullmatch(text) for text in texts.unique()):
        values = pd.to_datetime(column, utc=True, format="ISO8601", errors="coerce")
        return Clock((name,), None, values) if values.notna().sum() == len(texts) else None
    formats = [f"{date}{gap}{clock}" for date in DATES for clock in CLOCKS for gap in (" ", "T")]
    return _in_one_format(column, texts, [*DATES, *formats])


def _with_clock_column(frame: pd.DataFrame, date: Clock) -> Clock | None:
    """The date joined with the first column of times of day, when the table has one."""
    if len(date.columns) != 1 or (date.values.dropna().dt.normalize() != date.values.dropna()).any():
        return None
    day_format = date.format or "%Y-%m-%d"
    for name in frame.columns:
        texts = _texts(frame[name])
        if name in date.columns or texts is None:
            continue
        for clock in CLOCKS:
            if _parses(texts, clock):
                joined = frame[date.columns[0]].astype("object").str.cat(frame[name].astype("object"), sep=" ")
                values = _parsed(joined, f"{day_format} {clock}")
                return Clock((date.columns[0], str(name)), f"{day_format} {clock}", values, date.doubt)
    return None


def _in_one_format(column: pd.Series, texts: pd.Series, formats: list[str]) -> Clock | None:
    sample = texts.drop_duplicates().iloc[:_SAMPLE]
    if not sample.str.contains(_WORDY).all():
        return None
    fitting = [form for form in formats if _parses(sample.head(20), form) and _parses(texts, form)]
    if not fitting:
        return None
    clocks = [Clock((str(column.name),), form, _parsed(column, form)) for form in fitting]
    best = min(clocks, key=lambda clock: _raggedness(clock.values))
    if len(clocks) == 1 or _raggedness(best.values) < min(_raggedness(c.values) for c in clocks if c is not best):
        return best
    doubt = f"the values of {column.name} also fit {clocks[1].format}: check which is day and which is month"
    return Clock(best.columns, best.format, best.values, doubt)


def _raggedness(values: pd.Series) -> tuple[int, Any]:
    """How unlike a table in time order the reading is: steps backwards, then the span that it covers."""
    known = values.dropna()
    return int((known.diff().dropna().dt.total_seconds() < 0).sum()), known.max() - known.min()


def _texts(column: pd.Series) -> pd.Series | None:
    """The column's values as text, when it has any and they are all text."""
    from pandas.api.types import infer_dtype

    known = column.dropna()
    if known.empty or infer_dtype(known, skipna=True) != "string":
        return None
    return known.astype("object").str.strip()


def _parses(texts: pd.Series, form: str) -> bool:
    return bool(_parsed(texts.drop_duplicates(), form).notna().all())


def _parsed(texts: pd.Series, form: str) -> pd.Series:
    import pandas as pd

    return pd.to_datetime(texts, format=form, errors="coerce", utc=True)
