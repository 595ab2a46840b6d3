"""A table is read for a model as strictly as a request: the same rows are taken, to the same columns, and refused."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st

from millrace.errors import DataError, RequestError
from millrace.inputs.frame import check_columns, decode_frame
from millrace.inputs.kinds import KINDS
from millrace.inputs.signature import InputField, Signature
from serving.runtime.codec import Codec

TYPES = ["double", "long", "boolean", "string", "datetime"]
EARLY, LATE = datetime(1700, 1, 1), datetime(2200, 1, 1)  # noqa: DTZ001 - a time without a zone is UTC
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**60), 2**60),
    st.floats(allow_nan=False),
    st.text(max_size=5),
    st.datetimes(EARLY, LATE).map(lambda moment: moment.isoformat()),
)


def signature(*fields: InputField) -> Signature:
    return Signature(fields, {field.name: field.kind.example for field in fields})


@examples(300)
@given(st.sampled_from(TYPES), st.booleans(), st.lists(VALUES, min_size=1, max_size=6))
def test_any_column_is_taken_or_refused_as_the_service_does(kind: str, required: bool, values: list[Any]) -> None:
    of = signature(InputField("x", kind, required))
    found = decode_frame(pd.DataFrame({"x": pd.Series(values, dtype=object)}), of)
    try:
        wanted = Codec(of).decode([{"x": value} for value in values])["x"]
    except RequestError as error:
        refused = {(problem["row"], problem["field"], problem["problem"]) for problem in error.details["errors"]}
        assert {(one.row, one.field, one.problem) for one in found.problems} == refused
        return
    assert found.problems == []
    assert found.columns["x"].dtype.kind == wanted.dtype.kind
    pd.testing.assert_series_equal(pd.Series(found.columns["x"]), pd.Series(wanted))


@pytest.mark.parametrize(
    ("kind", "series"),
    [
        ("double", pd.Series([1.5, 2.0])),
        ("double", pd.Series([1, 2])),
        ("long", pd.Series([1.0, 2.0])),
        ("long", pd.Series([1, None], dtype="Int64")),
        ("boolean", pd.Series([True, False])),
        ("boolean", pd.Series([True, None], dtype=object)),
        ("string", pd.Series(["a", None], dtype=object)),
        ("datetime", pd.Series(pd.to_datetime(["2026-01-01", None], utc=True))),
        ("datetime", pd.Series([datetime(2026, 1, 1, tzinfo=UTC), "2026-01-01T00:00:00+01:00"], dtype=object)),
    ],
)
def test_typed_columns_fit_their_fields(kind: str, series: Any) -> None:
    found = decode_frame(pd.DataFrame({"x": series}), signature(InputField("x", kind, False)))
    assert found.problems == []
    assert len(found.columns["x"]) == 2
    assert found.columns["x"].dtype == KINDS[kind].column([None]).dtype


def test_a_zone_is_brought_to_utc() -> None:
    at = pd.Series(pd.date_range("2026-03-01", periods=1, tz="Europe/Rome"))
    found = decode_frame(pd.DataFrame({"x": at}), signature(InputField("x", "datetime", True)))
    assert found.columns["x"][0] == np.datetime64("2026-02-28T23:00:00", "ns")


def test_problems_name_the_row_of_the_whole_table() -> None:
    frame = pd.DataFrame({"a": [1.0, np.inf, np.nan], "b": ["x", "y", "z"], "other": [1, 2, 3]})
    of = signature(InputField("a", "double", True), InputField("b", "string", True), InputField("c", "double", False))
    found = decode_frame(frame, of, first_row=100)
    assert [str(problem) for problem in found.problems] == [
        "Row 101 (counted from 0): field 'a' is Infinity; a finite number is wanted.",
        "Row 102 (counted from 0): field 'a' is missing; a number is wanted, and this field may not be null.",
    ]
    assert np.isnan(found.columns["c"]).all()
    assert set(found.columns) == {"a", "b", "c"}


def test_a_table_without_a_required_column_is_refused_as_a_whole() -> None:
    of = signature(InputField("heat", "double", True), InputField("sky", "string", False))
    check_columns(["heat"], of)
    with pytest.raises(DataError, match=r"no column 'heat'.*Did you mean 'heet'"):
        check_columns(["heet", "sky"], of)


def test_cells_of_a_written_table_are_read_as_their_fields_and_the_odd_one_is_told() -> None:
    frame = pd.DataFrame({"n": ["1.5", "x", None], "b": ["true", "FALSE", "1"], "t": ["7", "8", "9"]}, dtype=object)
    fields = [InputField("n", "double", False), InputField("b", "boolean", True), InputField("t", "string", True)]
    found = decode_frame(frame, signature(*fields), written=True)
    assert [(one.row, one.field, one.problem.partition(";")[0]) for one in found.problems] == [
        (1, "n", 'is "x"'),
        (2, "b", 'is "1"'),
    ]
    assert found.columns["n"][0] == 1.5
    assert found.columns["b"][:2].tolist() == [1.0, 0.0]
    assert found.columns["t"].tolist() == ["7", "8", "9"]
    assert len(decode_frame(frame, signature(*fields)).problems) == 5  # where values have types, a text is no number
