"""Rows of JSON become columns of the signature's kinds, or are refused by row and field."""

from __future__ import annotations

import math
from datetime import UTC, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from millrace.errors import RequestError
from millrace.inputs.kinds import EARLIEST, KINDS, LARGEST_EXACT, LATEST
from millrace.inputs.signature import InputField, Signature
from serving.runtime.codec import Codec

FIELDS = (
    InputField("T", "double", True),
    InputField("RH", "double", False),
    InputField("count", "long", True),
    InputField("open", "boolean", False),
    InputField("district", "string", False),
    InputField("observed_at", "datetime", False),
)
ROW = {"T": 1.5, "RH": 40, "count": 3, "open": True, "district": "north", "observed_at": "2026-01-31T13:00:00Z"}
CODEC = Codec(Signature(FIELDS, ROW))


def refusal(*rows, codec=CODEC):
    with pytest.raises(RequestError) as caught:
        codec.decode(list(rows))
    assert caught.value.http_status == 422
    return caught.value


def test_a_row_becomes_columns_of_the_right_types():
    columns = CODEC.decode([ROW])
    assert list(columns) == [field.name for field in FIELDS]
    assert {name: column.dtype.str for name, column in columns.items()} == {
        "T": "<f8", "RH": "<f8", "count": "<f8", "open": "<f8", "district": "|O", "observed_at": "<M8[ns]",
    }  # fmt: skip
    assert [column[0] for column in columns.values()] == [
        1.5, 40.0, 3.0, 1.0, "north", np.datetime64("2026-01-31T13:00:00", "ns"),
    ]  # fmt: skip


@pytest.mark.parametrize("absent", [{}, {"RH": None, "open": None, "district": None, "observed_at": None}])
def test_optional_fields_may_be_null_or_left_out(absent):
    columns = CODEC.decode([{"T": 1.0, "count": 2, **absent}])
    assert math.isnan(columns["RH"][0])
    assert math.isnan(columns["open"][0])
    assert columns["district"][0] is None
    assert np.isnat(columns["observed_at"][0])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"T": "12"}, "field 'T' is \"12\"; a number is wanted; send it without quotes"),
        ({"T": "warm"}, "field 'T' is \"warm\"; a number is wanted."),
        ({"T": True}, "field 'T' is true; a number is wanted"),
        ({"T": None}, "field 'T' is missing"),
        ({"T": [1]}, "field 'T' is [1]; a number is wanted"),
        ({"T": float("inf")}, "a finite number is wanted"),
        ({"T": 10**400}, "within the range of double precision"),
        ({"count": 1.5}, "field 'count' is 1.5; a whole number is wanted"),
        ({"count": LARGEST_EXACT + 1}, "at most 2^53 - 1"),
        ({"open": 1}, "field 'open' is 1; true or false is wanted"),
        ({"open": "true"}, "true or false is wanted"),
        ({"district": 7}, "field 'district' is 7; a text is wanted"),
        ({"observed_at": "yesterday"}, "a time in ISO 8601 is wanted"),
        ({"observed_at": 1700000000}, "a time is wanted, as text"),
        ({"observed_at": "1500-01-01"}, "between the years 1678 and 2261"),
        ({"observed_at": "0001-01-01T00:00:00+14:00"}, "time in ISO 8601 is wanted"),
        ({"RHH": 1}, "field 'RHH' is no input of this model. Did you mean 'RH'?"),
    ],
)
def test_what_does_not_fit_is_named_with_the_value_and_what_is_wanted(change, words):
    error = refusal({**ROW, **change})
    assert words in str(error)
    (detail,) = error.details["errors"]
    assert detail["field"] == next(iter(change))
    assert detail["row"] == 0


@pytest.mark.parametrize("row", [[1, 2], "text", 5, None, True])
def test_a_row_must_be_an_object(row):
    assert "an object of input fields is wanted" in str(refusal(row))


def test_in_a_batch_the_first_bad_row_is_named_and_the_others_are_listed():
    error = refusal(ROW, {**ROW, "count": "x"}, {**ROW, "T": "y"})
    assert str(error).startswith("Row 1 (counted from 0): field 'count'")
    assert "1 more problems" in str(error)
    assert [(e["row"], e["field"]) for e in error.details["errors"]] == [(1, "count"), (2, "T")]


def test_a_thousand_bad_rows_list_twenty_problems():
    assert len(refusal(*[{**ROW, "T": "x"}] * 1_000).details["errors"]) == 20


def test_a_value_beyond_measure_is_cut_short_in_the_sentence():
    assert len(str(refusal({**ROW, "T": "x" * 10_000}))) < 300


def test_the_fields_of_a_wide_model_are_not_all_listed_in_a_sentence():
    fields = tuple(InputField(f"sensor_{i}", "double", False) for i in range(200))
    error = refusal({"sensor_7x": 1.0}, codec=Codec(Signature(fields, {})))
    assert "Did you mean 'sensor_7'" in str(error)
    assert len(str(error)) < 200


def test_a_time_without_an_offset_is_utc_and_one_with_an_offset_is_brought_to_utc():
    rows = [{**ROW, "observed_at": text} for text in ("2026-01-31T13:00:00", "2026-01-31T14:00:00+01:00", "2026-01-31")]
    column = CODEC.decode(rows)["observed_at"]
    assert column.tolist() == [
        np.datetime64("2026-01-31T13:00", "ns").item(),
        np.datetime64("2026-01-31T13:00", "ns").item(),
        np.datetime64("2026-01-31T00:00", "ns").item(),
    ]


@given(
    st.datetimes(
        EARLIEST.replace(tzinfo=None) + timedelta(days=2),
        LATEST.replace(tzinfo=None) - timedelta(days=2),
        timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30)), timezone(timedelta(hours=-8))]),
    )
)
def test_every_moment_survives_to_the_microsecond(moment):
    column = CODEC.decode([{**ROW, "observed_at": moment.isoformat()}])["observed_at"]
    assert column[0] == np.datetime64(moment.astimezone(UTC).replace(tzinfo=None), "us")


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(-LARGEST_EXACT, LARGEST_EXACT), st.text())
def test_every_number_and_text_survives_exactly(number, integer, text):
    columns = CODEC.decode([{**ROW, "T": number, "count": integer, "district": text}])
    assert columns["T"][0] == number
    assert int(columns["count"][0]) == integer
    assert columns["district"][0] == text


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers(), max_size=2)


@given(st.lists(st.dictionaries(st.sampled_from([f.name for f in FIELDS]), SCALARS), min_size=1, max_size=5))
def test_any_rows_become_full_columns_or_a_sentence(rows):
    try:
        columns = CODEC.decode(rows)
    except RequestError:
        return
    assert {len(column) for column in columns.values()} == {len(rows)}
    for name in ("T", "count"):
        assert np.isfinite(columns[name]).all()


@given(st.lists(st.sampled_from(list(KINDS)), min_size=1, max_size=8), st.integers(1, 6))
def test_a_batch_reads_like_its_rows_one_by_one(types, rows):
    fields = tuple(InputField(f"f{i}", kind, True) for i, kind in enumerate(types))
    example = {field.name: field.kind.example for field in fields}
    codec = Codec(Signature(fields, example))
    one, many = codec.decode([example]), codec.decode([example] * rows)
    assert all(many[name].tolist() == one[name].tolist() * rows for name in one)
