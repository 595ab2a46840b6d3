"""Times: strict formats, offsets, zones and their clock changes, and the data interval."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from millrace.errors import SourceError
from millrace.sources.base import DataInterval


def times(read_text, text, rule, **more):
    table, reading = read_text(text, timestamp={"as": "at", **rule}, **more)
    assert str(table["at"].dtype) == "datetime64[ns, UTC]"
    return table["at"].tolist(), reading


def utc(*parts):
    return pd.Timestamp(datetime(*parts, tzinfo=UTC))


def test_mixed_offsets_become_utc(read_text):
    found, _ = times(read_text, "t,n\n2015-03-29 01:00:00+01:00,1\n2015-03-29 03:00:00+02:00,2\n", {"from": "t"})
    assert found == [utc(2015, 3, 29, 0), utc(2015, 3, 29, 1)]


def test_digits_are_joined_as_they_are_written(read_text):
    found, _ = times(read_text, "d,h,n\n01022024,0005,1\n", {"from": ["d", "h"], "format": "%d%m%Y %H%M"})
    assert found == [utc(2024, 2, 1, 0, 5)]


def test_missing_times_stay_missing_and_are_noted(read_text):
    found, reading = times(read_text, "d,h,n\n2024-01-01,,1\n2024-01-01,10:00,2\n", {"from": ["d", "h"]})
    assert found == [pd.NaT, utc(2024, 1, 1, 10)]
    assert "1 rows have no time in d + h." in reading.notes


def test_unix_times(read_text):
    assert times(read_text, "t,n\n86400,1\n", {"from": "t", "format": "unix"})[0] == [utc(1970, 1, 2)]
    assert times(read_text, "t,n\n1500,1\n", {"from": "t", "format": "unix_ms"})[0] == [
        pd.Timestamp("1970-01-01T00:00:01.5Z")
    ]


def test_a_zone_is_applied_to_naive_times(read_text):
    rule = {"from": "t", "timezone": "Europe/Madrid"}
    found, _ = times(read_text, "t,n\n2024-07-01 12:00,1\n2024-01-01 12:00,2\n", rule)
    assert found == [utc(2024, 7, 1, 10), utc(2024, 1, 1, 11)]


@pytest.mark.parametrize(
    ("choice", "wanted"),
    [("earlier", utc(2024, 10, 27, 0, 30)), ("later", utc(2024, 10, 27, 1, 30)), ("missing", pd.NaT)],
)
def test_a_time_that_the_zone_has_twice(read_text, choice, wanted):
    rule = {"from": "t", "timezone": "Europe/Madrid", "ambiguous": choice}
    assert times(read_text, "t,n\n2024-10-27 02:30,1\n", rule)[0] == [wanted]


@pytest.mark.parametrize(("choice", "wanted"), [("forward", utc(2024, 3, 31, 1)), ("missing", pd.NaT)])
def test_a_time_that_the_zone_leaves_out(read_text, choice, wanted):
    rule = {"from": "t", "timezone": "Europe/Madrid", "nonexistent": choice}
    assert times(read_text, "t,n\n2024-03-31 02:30,1\n", rule)[0] == [wanted]


REFUSED = {
    "another format": ("t,n\n2024-01-01,1\n31.12.2024,2\n", {"from": "t"}, ["'31.12.2024'", "row 2", "ISO 8601"]),
    "does not fit": ("t,n\n1/2/24,1\n", {"from": "t", "format": "%Y-%m-%d"}, ["'1/2/24'", "'%Y-%m-%d'"]),
    "no such day": ("t,n\n30/02/2024,1\n", {"from": "t", "format": "%d/%m/%Y"}, ["'30/02/2024'", "row 1"]),
    "twice": ("t,n\n2024-10-27 02:30,1\n", {"from": "t", "timezone": "Europe/Madrid"}, ["twice", "ambiguous"]),
    "left out": (
        "t,n\n2024-03-31 02:30,1\n",
        {"from": "t", "timezone": "Europe/Madrid"},
        ["does not exist", "forward"],
    ),
    "no zone": ("t,n\n2024-01-01,1\n", {"from": "t", "timezone": "Mars/Base"}, ["'Mars/Base'"]),
    "no column": ("time,n\n2024-01-01,1\n", {"from": "tine"}, ["'tine'", "Did you mean 'time'"]),
    "name taken": ("t,at\n2024-01-01,1\n", {"from": "t"}, ["'at'", "already"]),
    "some offsets": ("t,n\n2024-01-01 00:00,1\n2024-01-01 00:00Z,2\n", {"from": "t"}, ["row 2", "some have none"]),
    "no number": ("t,n\nsoon,1\n", {"from": "t", "format": "unix"}, ["'soon'"]),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_names_the_value(read_text, case):
    text, rule, words = REFUSED[case]
    with pytest.raises(SourceError) as caught:
        times(read_text, text, rule)
    for word in words:
        assert word in str(caught.value)


def test_the_row_of_an_odd_time_counts_from_the_whole_table(read_text):
    rows = "".join(f"2024-01-01 00:00,{i}\n" for i in range(2500)) + "never,1\n"
    with pytest.raises(SourceError, match="row 2501"):
        times(read_text, "t,n\n" + rows, {"from": "t"}, how={"chunk_rows": 1000})


def test_only_the_interval_is_read(read_text):
    rows = "".join(f"2024-01-0{day} 0{hour}:00,{day}\n" for day in (1, 2, 3) for hour in (0, 5))
    interval = DataInterval(datetime(2024, 1, 2, tzinfo=UTC), datetime(2024, 1, 3, tzinfo=UTC))
    spec = {"timestamp": {"from": "t", "as": "at"}, "interval": {"column": "at"}}
    table, reading = read_text("t,n\n" + rows, **spec, how={"interval": interval})
    assert table["n"].tolist() == [2, 2]
    assert reading.origin["rows_outside_interval"] == 4
    table, _ = read_text("t,n\n" + rows, **spec)
    assert len(table) == 6
    spec["interval"]["lookback"] = "PT20H"
    table, _ = read_text("t,n\n" + rows, **spec, how={"interval": interval})
    assert table["n"].tolist() == [1, 2, 2]


def test_an_interval_without_rows_gives_an_empty_table_of_the_same_columns(read_text):
    interval = DataInterval(datetime(1999, 1, 2, tzinfo=UTC), datetime(1999, 1, 3, tzinfo=UTC))
    spec = {"timestamp": {"from": "t", "as": "at"}, "interval": {"column": "at"}}
    table, _ = read_text("t,n\n2024-01-01,1\n", **spec, how={"interval": interval})
    assert len(table) == 0
    assert table.columns.tolist() == ["at", "n"]


def test_an_interval_needs_a_time(read_text):
    interval = DataInterval(datetime(2024, 1, 2, tzinfo=UTC), datetime(2024, 1, 3, tzinfo=UTC))
    with pytest.raises(SourceError, match="not times"):
        read_text("t,n\n2024-01-01,1\n", interval={"column": "t"}, how={"interval": interval})


@examples(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    moment=st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)),  # noqa: DTZ001 - given the offset below
    minutes=st.integers(-14 * 60, 14 * 60),
)
def test_any_offset_is_read_as_the_same_moment(read_text, moment, minutes):
    sign, size = ("-", -minutes) if minutes < 0 else ("+", minutes)
    text = f"{moment.isoformat(timespec='microseconds')}{sign}{size // 60:02d}:{size % 60:02d}"
    found, _ = times(read_text, f"t,n\n{text},1\n", {"from": "t"})
    assert found == [pd.Timestamp(moment.replace(tzinfo=UTC) - timedelta(minutes=minutes))]


def test_offsets_of_hours_alone_are_offsets(read_text):
    found, _ = times(read_text, "t,n\n2024-01-01 00:00:00+01,1\n2024-07-01 00:00:00+02,2\n", {"from": "t"})
    assert found == [utc(2023, 12, 31, 23), utc(2024, 6, 30, 22)]
    with pytest.raises(SourceError, match="Some times have an offset"):
        times(read_text, "t,n\n2024-01-01T00:00:00+01,1\n2024-01-01T00:00:00,2\n", {"from": "t"})


@pytest.mark.parametrize(
    ("value", "rule", "says"),
    [
        ("1700000000123", {"format": "unix"}, "after the year 2261.*unix_ms"),
        ("inf", {"format": "unix"}, "after the year 2261"),
        ("9999-12-31", {}, "not between the years 1678 and 2261"),
        ("31.12.9999", {"format": "%d.%m.%Y"}, "not between the years 1678 and 2261"),
        ("2024-01-01", {"format": "%Q"}, "'%Q', which is no format of times"),
        ("2024 2024", {"format": "%Y %Y"}, "which is no format of times"),
    ],
)
def test_times_and_formats_that_cannot_be_say_so(read_text, value, rule, says):
    with pytest.raises(SourceError, match=says):
        times(read_text, f"t,n\n{value},1\n", {"from": "t", **rule})
