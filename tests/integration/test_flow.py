"""Steps over a table in parts: the outcome is that of the whole table, however it is cut."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from millrace.errors import MillraceError, TransformError
from millrace.strict import union_of
from millrace.tables.arrow_types import arrow_table
from millrace.tables.spool import Spool
from millrace.transforms import STEPS
from millrace.transforms.base import TransformContext, TransformStep
from millrace.transforms.feature_set import FeatureTable
from millrace.transforms.flow import Done, Flow

pytestmark = pytest.mark.integration
STEP: TypeAdapter[TransformStep] = TypeAdapter(union_of(STEPS, "step"))
DIGITS = ["1", "2", "3.5", "2001", "9007199254740993", "x"]
HOURS = pd.date_range("2024-01-01", periods=48, freq="h", tz="UTC")
OTHER = pd.DataFrame({"key": ["a", "b", "c"], "size": [1, 2, 3], "known": [True, False, True]})
WEATHER = pd.DataFrame({"key": ["a", "a", "b"], "seen": HOURS[[3, 9, 5]], "heat": [1, 2, 3]})

ROW_WISE: list[dict[str, Any]] = [
    {"step": "cast", "columns": {"digits": "number"}},
    {"step": "cast", "columns": {"digits": "integer"}, "errors": "null"},
    {"step": "cast", "columns": {"number": "integer", "key": "boolean"}, "errors": "null"},
    {"step": "cast", "columns": {"number": "string"}},
    {"step": "cast", "columns": {"digits": "datetime"}, "errors": "null", "format": "%Y"},
    {"step": "clip", "columns": ["whole", "number"], "min": 0.5, "max": 3},
    {"step": "date_parts", "column": "at", "parts": ["hour", "dayofweek"], "timezone": "Europe/Madrid"},
    {"step": "derive", "columns": {"r": "whole / number", "n": "length(key)", "u": "upper(key)"}},
    {"step": "derive", "columns": {"big": "whole > 1 and not truth == 1", "rest": "whole % 3", "gone": "is_null(key)"}},
    {"step": "derive", "columns": {"half": "round(number / 2, 1)", "root": "sqrt(whole)"}},
    {"step": "drop_columns", "columns": ["whole"]},
    {"step": "drop_empty", "ignore": ["key"]},
    {"step": "drop_nulls", "columns": ["number", "key"]},
    {"step": "drop_nulls", "how": "all"},
    {"step": "feature_set", "name": "weather", "time": "at", "prefix": "w_"},
    {"step": "fill", "columns": ["whole", "number"], "value": 7},
    {"step": "fill", "columns": ["key"], "value": "none"},
    {"step": "filter", "where": "whole > 0 or is_null(number)"},
    {"step": "filter", "where": "key != 'a'"},
    {"step": "filter", "conditions": [{"column": "number", "op": "in", "value": [1, 2.5]}]},
    {"step": "join", "with": {}, "on": ["key"]},
    {"step": "join", "with": {}, "on": ["key"], "how": "inner", "columns": ["size"]},
    {"step": "keep_columns", "columns": ["key", "number", "whole", "at"]},
    {"step": "rename", "columns": {"whole": "entire"}},
    {"step": "python", "function": f"{__name__}.doubled", "row_wise": True},
]
WHOLE: list[dict[str, Any]] = [
    {"step": "drop_duplicates", "columns": ["key", "whole"]},
    {"step": "sort", "by": ["number", "key"]},
    {"step": "fill", "columns": ["number"], "method": "mean"},
    {"step": "drop_empty", "columns": True},
]


def doubled(table: pd.DataFrame) -> pd.DataFrame:
    """A person's own row-wise function, whose new column has nulls in some parts only."""
    return table.assign(twice=table["number"].map(lambda value: int(value * 2), na_action="ignore"))


def test_every_row_wise_step_is_held_to_the_property() -> None:
    marked = {one.model_fields["step"].annotation.__args__[0] for one in STEPS if "is_row_wise" in vars(one)}  # type: ignore[union-attr]
    assert marked == {document["step"] for document in ROW_WISE}
    assert all(STEP.validate_python(document).is_row_wise() for document in ROW_WISE)
    assert not any(STEP.validate_python(document).is_row_wise() for document in WHOLE)


@st.composite
def cut_tables(draw: st.DrawFn) -> tuple[pd.DataFrame, list[int]]:
    """A table with nulls anywhere, and where it is cut."""
    rows = draw(st.integers(1, 12))

    def column(values: st.SearchStrategy[Any]) -> list[Any]:
        return draw(st.lists(st.none() | values, min_size=rows, max_size=rows))

    table = pd.DataFrame(
        {
            "key": pd.Series(column(st.sampled_from("abcd")), dtype=object),
            "whole": pd.array(column(st.integers(-3, 5)), dtype="Int64"),
            "number": pd.Series(column(st.sampled_from([0.0, 1.0, 2.5, -1.5, 4.0])), dtype="float64"),
            "truth": pd.Series(column(st.booleans()), dtype=object),
            "digits": pd.Series(column(st.sampled_from(DIGITS)), dtype=object),
            "at": pd.Series(column(st.sampled_from(list(HOURS))), dtype="datetime64[ns, UTC]"),
        }
    )
    return table, sorted(draw(st.sets(st.integers(1, rows), max_size=4)))


def stored(parts: list[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """The parts as a stored dataset gives them."""
    with Spool() as spool:
        for part in parts:
            spool.add(arrow_table(part))
        yield from spool.frames()


def run(documents: list[dict[str, Any]], parts: list[pd.DataFrame]) -> tuple[pa.Table, list[str], list[Done]] | str:
    """The outcome as a sink gets it, what is told of it, and what each step left; or the code of its error."""
    context = TransformContext(
        load_table=lambda _: OTHER,
        load_features=lambda _: FeatureTable(WEATHER, ["key"], "seen", timedelta(hours=12), timedelta(0)),
    )
    flow = Flow([STEP.validate_python(document) for document in documents], context, lambda step, rows, size: None)
    with Spool() as spool:
        try:
            for frame in flow.frames(stored(parts)):
                spool.add(arrow_table(frame))
        except MillraceError as error:
            return error.code
        done = [Done(one.step, one.rows, one.columns) for one in flow.done]
        return pa.concat_tables(spool.tables()), context.notes, done


def assert_same(documents: list[dict[str, Any]], table: pd.DataFrame, cuts: list[int]) -> None:
    ends = [0, *cuts, len(table)]
    parts = [table.iloc[start:stop] for start, stop in pairwise(ends)]
    whole, pieces = run(documents, [table]), run(documents, parts)
    if isinstance(whole, str) or isinstance(pieces, str):
        assert whole == pieces
        return
    assert pieces[0].schema == whole[0].schema
    assert pieces[0].equals(whole[0])
    assert pieces[1:] == whole[1:]


@pytest.mark.parametrize("document", ROW_WISE, ids=lambda document: "-".join(map(str, list(document.values())[:2])))
@examples(15)
@given(cut=cut_tables())
def test_a_row_wise_step_does_not_see_the_cuts(document: dict[str, Any], cut: tuple[pd.DataFrame, list[int]]) -> None:
    assert_same([document], *cut)


@examples(60)
@given(cut=cut_tables(), documents=st.lists(st.sampled_from(ROW_WISE + WHOLE), min_size=2, max_size=5))
def test_nor_does_any_row_of_steps(documents: list[dict[str, Any]], cut: tuple[pd.DataFrame, list[int]]) -> None:
    assert_same(documents, *cut)


def test_truth_values_keep_their_kind_where_a_later_step_leaves_nulls_of_them_only() -> None:
    table = pd.DataFrame({"number": [None, None, 1.0], "truth": pd.Series([None, False, None], dtype=object)})
    clip = {"step": "clip", "columns": ["number"], "max": 3}
    assert_same([clip, {"step": "filter", "where": "number > 0"}], table, [1])


def test_an_unreadable_value_is_named_by_its_row_in_the_whole_table() -> None:
    frame = pd.DataFrame({"digits": ["1", "2", "3", "x"]})
    flow = Flow([STEP.validate_python({"step": "cast", "columns": {"digits": "integer"}})], TransformContext(), _all)
    with pytest.raises(TransformError, match=r"'x' in column 'digits', row 4, .*1 of 4 values"):
        list(flow.frames(stored([frame[:2], frame[2:]])))


def test_a_column_of_two_kinds_names_the_step() -> None:
    step = {"step": "python", "function": f"{__name__}.odd", "row_wise": True}
    flow = Flow([STEP.validate_python(step)], TransformContext(), _all)
    with pytest.raises(TransformError, match="'python': the column 'x' holds 1 and 'two', which are of two kinds"):
        list(flow.frames(iter([pd.DataFrame({"x": [1]}), pd.DataFrame({"x": [2]})])))


def odd(table: pd.DataFrame) -> pd.DataFrame:
    """A function that is not of one mind."""
    return table if table["x"].iloc[0] == 1 else table.assign(x="two")


def _all(step: TransformStep, rows: int, size: int) -> None:
    del step, rows, size
