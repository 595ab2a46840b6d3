"""Puts a row's time together from its columns, strictly, as UTC.

A value that does not fit the format is an error that names it; a missing one stays missing and is noted.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pandas as pd

from millrace.errors import SourceError, did_you_mean
from millrace.sources.base import Timestamp

if TYPE_CHECKING:
    from collections.abc import Sequence

_OFFSET = r":\d{2}(?:[.,]\d+)?\s*(?:Z|[+-]\d{2}(?::?\d{2})?)\s*$"
"""An offset from UTC behind a clock time, also of hours alone, as PostgreSQL writes it."""
_UNIX = {"unix": "s", "unix_ms": "ms"}
_LATEST_UNIX = {"s": 9.2e9, "ms": 9.2e12}
_AMBIGUOUS: dict[str, Any] = {"earlier": True, "later": False, "missing": "NaT", "error": "raise"}
_NONEXISTENT: dict[str, Any] = {"forward": "shift_forward", "missing": "NaT", "error": "raise"}


def with_timestamp(frame: pd.DataFrame, rule: Timestamp) -> pd.DataFrame:
    """The frame with the new column first and, unless kept, without the columns it was made from.

    The frame's index numbers the rows of the whole table from 0, for messages.
    """
    _check_columns(frame, rule)
    times = _times(frame, rule)
    rest = frame if rule.keep else frame.drop(columns=rule.columns)
    rest = rest.drop(columns=[rule.as_], errors="ignore")
    return pd.concat([times.rename(rule.as_), rest], axis=1)


def _check_columns(frame: pd.DataFrame, rule: Timestamp) -> None:
    names = [str(name) for name in frame.columns]
    for column in rule.columns:
        if column not in names:
            raise SourceError(
                f"source.timestamp names the column '{column}', which the table does not have.",
                hint=did_you_mean(column, names),
            )
    if rule.as_ in names and rule.as_ not in rule.columns:
        raise SourceError(
            f"source.timestamp makes a column '{rule.as_}', but the table has one of that name already.",
            hint="Choose another name under source.timestamp.as.",
        )


def _times(frame: pd.DataFrame, rule: Timestamp) -> pd.Series[Any]:
    if len(rule.columns) == 1:
        values = frame[rule.columns[0]]
        if pd.api.types.is_datetime64_any_dtype(values):
            return _in_utc(values, values, rule)
        if rule.format in _UNIX:
            return _of_unix(values, _UNIX[str(rule.format)])
    text = _joined(frame, rule.columns)
    return _in_utc(_parsed(text, rule), text, rule)


def _joined(frame: pd.DataFrame, columns: Sequence[str]) -> pd.Series[Any]:
    """The columns' texts joined by one space; missing where any of them is."""
    joined, *rest = [_text(frame[column]) for column in columns]
    for part in rest:
        joined = joined + " " + part
    return joined


def _text(values: pd.Series[Any]) -> pd.Series[Any]:
    if pd.api.types.is_datetime64_any_dtype(values):
        whole_days = values.dropna().eq(values.dropna().dt.normalize()).all()
        values = values.dt.strftime("%Y-%m-%d" if whole_days else "%Y-%m-%d %H:%M:%S")
    if pd.api.types.is_float_dtype(values) and (values.dropna() % 1 == 0).all():
        values = values.astype("Int64")  # integers with a missing one among them
    text = values.astype(object).where(values.notna(), None)
    stripped: pd.Series[Any] = text.map(lambda value: str(value).strip(), na_action="ignore")
    return stripped.mask(stripped == "")


def _parsed(text: pd.Series[Any], rule: Timestamp) -> pd.Series[Any]:
    present = text.dropna().astype(str)
    if rule.format is not None:
        parsed = _by_format(present, rule.format)
    else:
        aware = _all_with_offset(present)
        parsed = pd.to_datetime(present, format="ISO8601", errors="coerce", utc=aware)
    odd = parsed.index[parsed.isna()]
    if len(odd):
        raise _unreadable(present[odd[0]], int(odd[0]), len(odd), rule)
    return parsed.reindex(text.index)


def _by_format(present: pd.Series[str], form: str) -> pd.Series[Any]:
    try:
        parsed: pd.Series[Any] = pd.to_datetime(present, format=form, errors="coerce", utc="%z" in form)
    except (ValueError, re.error) as error:  # a directive that there is not, or one that stands twice
        raise SourceError(
            f"source.timestamp.format is '{form}', which is no format of times: {error}.",
            hint="Write it as for strptime: %d/%m/%Y %H:%M.",
        ) from error
    return parsed


def _all_with_offset(present: pd.Series[str]) -> bool:
    with_offset = present.str.contains(_OFFSET, regex=True)
    if with_offset.all():
        return bool(len(present))
    if with_offset.any():
        row = int(str(with_offset.idxmax()))
        raise SourceError(
            f"Some times have an offset from UTC and some have none (row {row + 1}: {present[row]!r}).",
            hint="Write all times with an offset, or none.",
        )
    return False


def _unreadable(value: str, row: int, count: int, rule: Timestamp) -> SourceError:
    if _is_far(value, rule):
        columns = " + ".join(rule.columns)
        return SourceError(
            f"The time {value!r} in row {row + 1} of {columns} is not between the years 1678 and 2261.",
            hint="If it stands for 'never' or 'not known', make it missing: read: {na_values: [...]}.",
        )
    wanted = f"the format '{rule.format}'" if rule.format else "ISO 8601"
    more = f" ({count:,} such values in this part of the table)" if count > 1 else ""
    return SourceError(
        f"The time {value!r} in row {row + 1} of {' + '.join(rule.columns)} does not fit {wanted}{more}.",
        hint="Mend the row, or set source.timestamp.format to what the times look like.",
    )


def _is_far(value: str, rule: Timestamp) -> bool:
    """Whether the text is a time, though one that nanoseconds in 64 bits do not reach."""
    try:
        datetime.strptime(value, rule.format) if rule.format else datetime.fromisoformat(value)  # noqa: DTZ007 - a try
    except (ValueError, re.error):
        return False
    return True


def _of_unix(values: pd.Series[Any], unit: str) -> pd.Series[Any]:
    numbers = pd.to_numeric(values, errors="coerce")
    odd = values.index[values.notna() & numbers.isna()]
    if len(odd):
        raise SourceError(
            f"The time {values[odd[0]]!r} in row {int(odd[0]) + 1} is no number of {unit} since 1970.",
            hint="Set source.timestamp.format to what the times look like.",
        )
    far = values.index[numbers.abs() > _LATEST_UNIX[unit]]
    if len(far):
        also = " They look like milliseconds: set source.timestamp.format to unix_ms." if unit == "s" else ""
        raise SourceError(
            f"The time {values[far[0]]!r} in row {int(far[0]) + 1}, in {unit} since 1970, is after the year 2261.",
            hint=f"Check the source's times.{also}",
        )
    return _utc(pd.to_datetime(numbers, unit=unit, utc=True))  # type: ignore[call-overload]


def _in_utc(times: pd.Series[Any], text: pd.Series[Any], rule: Timestamp) -> pd.Series[Any]:
    """Aware times converted to UTC; naive ones taken as the zone's wall clock."""
    if times.dt.tz is not None:
        return _utc(times)
    if rule.timezone is None:
        return _utc(times.dt.tz_localize("UTC"))
    zone = _zone(rule.timezone)
    lenient = times.dt.tz_localize(zone, ambiguous="NaT", nonexistent="NaT")
    odd = times.index[times.notna() & lenient.isna()]
    if len(odd) == 0:
        return _utc(lenient)
    return _utc(_over_clock_change(times, text, odd, rule, zone))


def _utc(aware: pd.Series[Any]) -> pd.Series[Any]:
    converted: pd.Series[Any] = aware.dt.tz_convert("UTC").astype("datetime64[ns, UTC]")
    return converted


def _over_clock_change(
    times: pd.Series[Any], text: pd.Series[Any], odd: pd.Index[Any], rule: Timestamp, zone: ZoneInfo
) -> pd.Series[Any]:
    earlier: Any = np.full(len(odd), True)
    missing = times.loc[odd].dt.tz_localize(zone, ambiguous=earlier, nonexistent="NaT").isna()
    absent, double = odd[missing], odd[~missing]
    for rows, choice, what, key, mend in (
        (double, rule.ambiguous, "occurs twice", "ambiguous", "earlier, later or missing"),
        (absent, rule.nonexistent, "does not exist", "nonexistent", "forward or missing"),
    ):
        if len(rows) and choice == "error":
            raise SourceError(
                f"The time {str(text[rows[0]])!r} in row {int(rows[0]) + 1} {what} in {rule.timezone}, "
                "where the clocks change.",
                hint=f"Set source.timestamp.{key} to {mend}; or use times in UTC.",
            )
    flags = _AMBIGUOUS[rule.ambiguous] if rule.ambiguous != "error" else "raise"
    ambiguous: Any = flags if isinstance(flags, str) else np.full(len(times), flags)
    local: pd.Series[Any] = times.dt.tz_localize(zone, ambiguous=ambiguous, nonexistent=_NONEXISTENT[rule.nonexistent])
    return local


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise SourceError(
            f"source.timestamp.timezone is '{name}', which is no time zone.",
            hint="Use a name such as Europe/Madrid or UTC.",
        ) from error
