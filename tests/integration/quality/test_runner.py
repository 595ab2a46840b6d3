"""Judging a table: chunks, exact rows, readable sentences, and what is never taken for bad data."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st

from millrace.errors import SpecError, ValidationToolError
from millrace.quality import engine
from millrace.quality.base import Expectation
from millrace.quality.docs import render_docs
from millrace.quality.outcome import Outcome, Table
from millrace.quality.quarantine import Quarantined
from millrace.quality.runner import chunk_rows_for, run_expectations


def table_of(frame: pd.DataFrame) -> Table:
    """The frame as a table that is read in chunks."""

    def frames(rows: int, columns: list[str] | None = None):
        for start in range(0, len(frame), rows):
            yield frame.iloc[start : start + rows][columns or list(frame)].reset_index(drop=True)

    schema = pa.Table.from_pandas(frame, preserve_index=False).schema
    return Table(len(frame), {field.name: str(field.type) for field in schema}, frames)


def judge(frame: pd.DataFrame, expect: str, chunk: int = 3, **arguments: object) -> Outcome:
    """The outcome of one expectation."""
    return run_expectations([Expectation(expect=expect, **arguments)], table_of(frame), chunk)[0]


def test_failing_rows_are_named_by_number_over_all_chunks():
    frame = pd.DataFrame({"day": ["Mon"] * 4 + ["Tue"] + ["Mon"] * 4 + ["Thrsday", None]})
    one = judge(frame, "expect_column_values_to_be_in_set", column="day", value_set=["Mon"])
    assert one.positions.tolist() == [4, 9]
    assert one.result.message == (
        "day: 2 of 11 values are not in the set ['Mon'] (e.g. 'Tue' in row 5, 'Thrsday' in row 10)."
    )
    assert one.result.examples == [{"row": 5, "value": "Tue"}, {"row": 10, "value": "Thrsday"}]
    assert one.result.unexpected_share == pytest.approx(0.2)


@examples(25)
@given(
    values=st.lists(st.one_of(st.none(), st.integers(-5, 5)), min_size=1, max_size=30),
    chunk=st.integers(1, 31),
)
def test_between_and_not_null_agree_with_plain_python_for_any_chunk(values: list[int | None], chunk: int):
    frame = pd.DataFrame({"v": pd.Series(values, dtype="float64")})
    between = judge(frame, "expect_column_values_to_be_between", chunk, column="v", min_value=0)
    null = judge(frame, "expect_column_values_to_not_be_null", chunk, column="v")
    assert between.positions.tolist() == [i for i, value in enumerate(values) if value is not None and value < 0]
    assert null.positions.tolist() == [i for i, value in enumerate(values) if value is None]
    assert between.result.success == (not len(between.positions))


@examples(25)
@given(
    rows=st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["a", "b", None])), max_size=20), chunk=st.integers(1, 9)
)
def test_uniqueness_finds_the_rows_that_repeat_an_earlier_one(rows: list[tuple[int, str | None]], chunk: int):
    frame = pd.DataFrame(rows, columns=["k", "s"]).astype({"s": object})
    one = judge(frame, "expect_compound_columns_to_be_unique", chunk, column_list=["k", "s"])
    assert one.positions.tolist() == [i for i, row in enumerate(rows) if row in rows[:i]]


def test_uniqueness_counts_the_repeat_and_not_the_first():
    frame = pd.DataFrame({"k": [1.0, 2.0, 1.0, None, None]})
    one = judge(frame, "expect_column_values_to_be_unique", 2, column="k")
    assert one.positions.tolist() == [2]
    assert "row 3 repeats row 1" in one.result.message
    assert judge(frame, "expect_column_values_to_be_unique", 2, column="k", mostly=0.6).result.success


def test_large_integers_are_told_apart():
    frame = pd.DataFrame({"k": [2**60, 2**60 + 1, 2**60]})
    assert judge(frame, "expect_column_values_to_be_unique", column="k").positions.tolist() == [2]


def test_mostly_is_held_against_the_whole_table_and_not_a_chunk():
    frame = pd.DataFrame({"v": [-1.0, -1.0] + [1.0] * 18})
    tolerant = judge(frame, "expect_column_values_to_be_between", 2, column="v", min_value=0, mostly=0.9)
    assert tolerant.result.success
    strict = judge(frame, "expect_column_values_to_be_between", 2, column="v", min_value=0, mostly=0.95)
    assert not strict.result.success


def test_aggregates_see_the_whole_column():
    frame = pd.DataFrame({"v": [0.0, 0.0, 9.0, 9.0]})
    one = judge(frame, "expect_column_mean_to_be_between", 2, column="v", min_value=4, max_value=5)
    assert one.result.success
    assert one.result.observed_value == 4.5
    bad = judge(frame, "expect_column_max_to_be_between", 2, column="v", max_value=5)
    assert bad.result.message == "v: the max is 9.0, but should be at most 5."


def test_a_missing_column_is_a_failed_expectation_that_names_the_near_one():
    one = judge(pd.DataFrame({"CarCount": [1]}), "expect_column_values_to_not_be_null", column="CarCont")
    assert not one.result.success
    assert "no such column. Did you mean 'CarCount'" in one.result.message


def test_text_among_numbers_is_named_and_is_no_fault_of_the_tool():
    frame = pd.DataFrame({"v": ["1", "2", "3", "4", "abc"]})
    one = judge(frame, "expect_column_values_to_be_between", column="v", min_value=0)
    assert not one.result.success
    assert "holds text, not numbers (e.g. 'abc' in row 5)" in one.result.message
    number = judge(pd.DataFrame({"v": [1, 2]}), "expect_column_values_to_match_regex", column="v", regex="x")
    assert "holds numbers, not text" in number.result.message


def test_times_are_compared_with_iso_text():
    frame = pd.DataFrame({"at": pd.to_datetime(["2024-01-01", "2024-06-01"], utc=True)})
    one = judge(frame, "expect_column_values_to_be_between", column="at", min_value="2024-03-01")
    assert one.positions.tolist() == [0]
    with pytest.raises(SpecError, match="'soon' is no time"):
        judge(frame, "expect_column_values_to_be_between", column="at", min_value="soon")


def test_a_column_of_nothing_but_nulls_is_not_bad():
    frame = pd.DataFrame({"v": [None, None]})
    assert judge(frame, "expect_column_values_to_be_between", column="v", min_value=0).result.success
    assert not judge(frame, "expect_column_values_to_not_be_null", column="v").result.success


def test_a_fault_of_the_tool_is_never_bad_data():
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    with pytest.raises(ValidationToolError, match="nothing is known about the data"):
        judge(frame, "expect_column_pair_values_a_to_be_greater_than_b", column_A="a", column_B="b")


def test_arguments_that_the_tool_refuses_are_a_fault_of_the_spec():
    with pytest.raises(SpecError, match="does not take these arguments"):
        judge(pd.DataFrame({"a": ["x"]}), "expect_column_value_lengths_to_equal", column="a", value="ten")


def test_the_tool_must_answer_for_every_expectation():
    judging = engine.Engine([Expectation(expect="expect_column_to_exist", column="a")], {"a": "int64"})
    judging._count = 2
    with pytest.raises(ValidationToolError, match="1 results for 2 expectations"):
        judging.judge(pd.DataFrame({"a": [1]}))


def test_quarantine_splits_the_table_with_reasons_and_row_numbers():
    frame = pd.DataFrame({"v": [1.0, -1.0, None, 4.0, 1.0]})
    rules = [
        Expectation(expect="expect_column_values_to_be_between", column="v", min_value=0, on_failure="quarantine"),
        Expectation(expect="expect_column_values_to_not_be_null", column="v", on_failure="quarantine"),
        Expectation(expect="expect_column_values_to_be_unique", column="v", on_failure="warn"),
    ]
    table = table_of(frame)
    quarantined = Quarantined(run_expectations(rules, table, 2))
    assert len(quarantined) == 2
    good = pd.concat(quarantined.accepted(table, 2))
    assert good["v"].tolist() == [1.0, 4.0, 1.0]
    bad = pd.concat(quarantined.set_aside(table, 2))
    assert bad["_row"].tolist() == [2, 3]
    assert bad["_reason"].tolist() == [
        "v: expect_column_values_to_be_between",
        "v: expect_column_values_to_not_be_null",
    ]


def test_wide_tables_are_read_in_smaller_chunks():
    wide = Table(1, {str(i): "double" for i in range(1000)}, lambda rows, columns=None: iter(()))
    assert chunk_rows_for(wide) == 10_000


def test_data_docs_show_every_expectation():
    frame = pd.DataFrame({"v": [1.0, np.nan], "s": ["a", "b"]})
    rules = [
        Expectation(expect="expect_column_values_to_not_be_null", column="v"),
        Expectation(expect="expect_column_mean_to_be_between", column="v", min_value=0, max_value=2),
        Expectation(expect="expect_compound_columns_to_be_unique", column_list=["v", "s"]),
        Expectation(expect="expect_column_values_to_not_be_null", column="absent"),
    ]
    page = render_docs("demo", "run-1", run_expectations(rules, table_of(frame), 1)).decode()
    assert page.lstrip().startswith("<!DOCTYPE html>")
    assert "unexpected Exception" not in page
    for word in ("must never be null", "mean must be", "demo", "absent"):
        assert word in page
