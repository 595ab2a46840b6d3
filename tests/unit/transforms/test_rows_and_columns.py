"""Steps that drop, order, name, cast and fill."""

from decimal import Decimal

import pandas as pd
import pytest
from pydantic import TypeAdapter, ValidationError

from millrace.errors import TransformError
from millrace.strict import by_name, union_of
from millrace.transforms import STEPS
from millrace.transforms.base import TransformContext

STEP = TypeAdapter(union_of(STEPS, "step"))


def apply(table: pd.DataFrame, **step: object) -> pd.DataFrame:
    """What one step, written as in a spec, makes of the table."""
    before = table.copy(deep=True)
    result = STEP.validate_python(step).apply(table, TransformContext())
    pd.testing.assert_frame_equal(table, before)
    return result


def test_every_step_has_a_name_of_its_own():
    assert set(by_name(STEPS, "step")) >= {
        "drop_empty",
        "rename",
        "cast",
        "resample",
        "join",
        "lag",
        "window",
        "python",
    }


def test_drop_empty_drops_rows_without_data_even_when_they_have_a_time():
    times = pd.to_datetime(["2024-01-01", "2024-01-02", None], utc=True)
    table = pd.DataFrame({"at": times, "a": [1.0, None, None], "b": [None, None, "x"]})
    assert apply(table, step="drop_empty")["a"].tolist()[0] == 1.0
    assert len(apply(table, step="drop_empty")) == 2
    assert len(apply(table, step="drop_empty", ignore=["b"])) == 1


def test_drop_empty_keeps_a_table_of_times_and_drops_null_columns_on_request():
    times = pd.DataFrame({"at": pd.to_datetime(["2024-01-01", None])})
    assert len(apply(times, step="drop_empty")) == 1
    table = pd.DataFrame({"a": [1, 2], "nothing": [None, None]})
    assert list(apply(table, step="drop_empty").columns) == ["a", "nothing"]
    assert list(apply(table, step="drop_empty", columns=True).columns) == ["a"]


def test_drop_duplicates_keeps_one_of_each():
    table = pd.DataFrame({"k": [1, 1, 2], "v": ["a", "b", "c"]})
    assert len(apply(table, step="drop_duplicates")) == 3
    assert apply(table, step="drop_duplicates", columns=["k"])["v"].tolist() == ["a", "c"]
    assert apply(table, step="drop_duplicates", columns=["k"], keep="last")["v"].tolist() == ["b", "c"]


def test_drop_nulls_and_sort_and_columns():
    table = pd.DataFrame({"k": [2, 1, 3], "v": [1.0, None, 3.0]})
    assert apply(table, step="drop_nulls", columns=["v"])["k"].tolist() == [2, 3]
    assert apply(table, step="sort", by=["k"])["k"].tolist() == [1, 2, 3]
    assert list(apply(table, step="keep_columns", columns=["v", "k"]).columns) == ["v", "k"]
    assert list(apply(table, step="drop_columns", columns=["v"]).columns) == ["k"]
    assert list(apply(table, step="rename", columns={"v": "w"}).columns) == ["k", "w"]


def test_rename_refuses_two_columns_of_one_name():
    with pytest.raises(TransformError, match="two columns the name 'k'"):
        apply(pd.DataFrame({"k": [1], "v": [1]}), step="rename", columns={"v": "k"})


def test_unknown_column_names_the_step_and_the_nearest_column():
    with pytest.raises(TransformError, match=r"'drop_columns' names the column 'CarCont'.*Did you mean 'CarCount'"):
        apply(pd.DataFrame({"CarCount": [1]}), step="drop_columns", columns=["CarCont"])


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        ("number", ["1", "2.5", None], [1.0, 2.5, None]),
        ("integer", ["1", "2.0", None], [1, 2, None]),
        ("string", [1, 2, None], ["1", "2", None]),
        ("string", [0.5, 2.0, 1e300], ["0.5", "2", "1e+300"]),
        ("boolean", ["yes", "False", None], [True, False, None]),
    ],
)
def test_cast_gives_types_and_keeps_nulls(kind: str, values: list[object], expected: list[object]):
    cast = apply(pd.DataFrame({"a": values}), step="cast", columns={"a": kind})["a"]
    assert [None if pd.isna(value) else value for value in cast] == expected


def test_cast_reads_times_with_a_format():
    table = pd.DataFrame({"a": ["10/03/2004 18.00.00"]})
    cast = apply(table, step="cast", columns={"a": "datetime"}, format="%d/%m/%Y %H.%M.%S")["a"]
    assert cast[0] == pd.Timestamp("2004-03-10 18:00", tz="UTC")


def test_cast_names_the_first_value_and_its_row():
    table = pd.DataFrame({"a": ["1", "2", "abc", "x"]})
    with pytest.raises(TransformError, match=r"'abc' in column 'a', row 3, is no number \(2 of 4 values"):
        apply(table, step="cast", columns={"a": "number"})


def test_cast_never_rounds_a_fraction_to_an_integer():
    with pytest.raises(TransformError, match=r"1.5 in column 'a', row 1, is no integer"):
        apply(pd.DataFrame({"a": [1.5]}), step="cast", columns={"a": "integer"})


@pytest.mark.parametrize("written", [None, "null"])
def test_cast_makes_unreadable_values_null_on_request_and_says_so(written: str | None):
    step = STEP.validate_python({"step": "cast", "columns": {"a": "number"}, "errors": written})
    context = TransformContext()
    assert step.apply(pd.DataFrame({"a": ["1", "abc"]}), context)["a"].isna().tolist() == [False, True]
    assert "'abc' in column 'a', row 2" in context.notes[0]


def test_fill_by_constant_statistic_and_direction():
    table = pd.DataFrame({"k": ["a", "a", "b", "b"], "v": [1.0, None, None, 5.0]})
    assert apply(table, step="fill", columns=["v"], value=0)["v"].tolist() == [1, 0, 0, 5]
    assert apply(table, step="fill", columns=["v"], method="mean")["v"].tolist() == [1, 3, 3, 5]
    assert apply(table, step="fill", columns=["v"], method="median", by=["k"])["v"].tolist() == [1, 1, 5, 5]
    forward = apply(table, step="fill", columns=["v"], method="forward", by=["k"])["v"]
    assert forward[1] == 1
    assert pd.isna(forward[2])


def test_fill_forward_follows_the_order_and_the_limit():
    table = pd.DataFrame({"t": [3, 1, 2], "v": [None, 7.0, None]})
    assert apply(table, step="fill", columns=["v"], method="forward", order_by="t")["v"].tolist() == [7, 7, 7]
    limited = apply(table, step="fill", columns=["v"], method="forward", order_by="t", limit=1)["v"]
    assert limited.isna().tolist() == [True, False, False]


def test_fill_refuses_text_among_numbers():
    with pytest.raises(TransformError, match="would put 'none' into 'v'"):
        apply(pd.DataFrame({"v": [1.0, None]}), step="fill", columns=["v"], value="none")


def test_clip_holds_numbers_and_refuses_text():
    table = pd.DataFrame({"v": [-1.0, 5.0, None], "s": ["a", "b", "c"]})
    clipped = apply(table, step="clip", columns=["v"], min=0, max=3)["v"]
    assert clipped.tolist()[:2] == [0, 3]
    assert pd.isna(clipped[2])
    with pytest.raises(TransformError, match=r"'s' holds text \(e.g. 'a'\)"):
        apply(table, step="clip", columns=["s"], min=0)


@pytest.mark.parametrize(
    "step",
    [
        {"step": "clip", "columns": ["v"]},
        {"step": "clip", "columns": ["v"], "min": 2, "max": 1},
        {"step": "fill", "columns": ["v"]},
        {"step": "fill", "columns": ["v"], "value": 1, "method": "mean"},
        {"step": "fill", "columns": ["v"], "method": "mean", "limit": 2},
        {"step": "rename", "columns": {}},
        {"step": "lag", "columns": ["v"], "order_by": "t", "periods": [0]},
        {"step": "resample", "time": "t", "every": "1 fortnight", "aggregate": {"v": "mean"}},
        {"step": "python", "function": "os; import sys"},
        {"step": "aggregate", "by": ["k"], "metrics": {"k": {"column": "v", "function": "mean"}}},
        {"step": "filter"},
    ],
)
def test_contradicting_options_are_refused_when_the_spec_is_read(step: dict[str, object]):
    with pytest.raises(ValidationError):
        STEP.validate_python(step)


@pytest.mark.parametrize(
    "value", [1e19, "18446744073709551615", "99999999999999999999", float("inf"), "1.5", Decimal("9007199254740993.5")]
)
@pytest.mark.parametrize("beside", [1, None])
def test_cast_to_integer_never_wraps_round_or_rounds(value: object, beside: object):
    table = pd.DataFrame({"a": [value, beside if beside is None or isinstance(value, float) else str(beside)]})
    with pytest.raises(TransformError, match=r"row 1, is no integer \(1 of 2"):
        apply(table, step="cast", columns={"a": "integer"})


@pytest.mark.parametrize("beside", ["7.0", "1.5", "1e300", "99999999999999999999", None])
def test_cast_to_integer_reads_all_digits_whatever_stands_beside_them(beside: str | None):
    table = pd.DataFrame({"a": ["9007199254740993", "-9223372036854775808", beside]})
    cast = apply(table, step="cast", columns={"a": "integer"}, errors="null")["a"]
    assert cast.dropna().tolist() == [9007199254740993, -(2**63), 7][: 3 if beside == "7.0" else 2]


@pytest.mark.parametrize("kind", ["number", "integer"])
def test_cast_takes_no_time_for_a_number(kind: str):
    table = pd.DataFrame({"a": pd.to_datetime(["2024-01-01", None], utc=True)})
    with pytest.raises(TransformError, match=f"row 1, is no {kind} .1 of 2"):
        apply(table, step="cast", columns={"a": kind})


@pytest.mark.parametrize(
    ("values", "value"),
    [([1.0, None], True), ([True, None], 1), (pd.to_datetime(["2024-01-01", None], utc=True), "soon")],
)
def test_fill_takes_a_value_of_the_columns_kind_only(values: object, value: object):
    with pytest.raises(TransformError, match="would put"):
        apply(pd.DataFrame({"a": values}), step="fill", columns=["a"], value=value)


def test_fill_and_clip_put_fractions_among_whole_numbers():
    table = pd.DataFrame({"a": pd.array([1, None, 4], dtype="Int64")})
    assert apply(table, step="fill", columns=["a"], method="mean")["a"].tolist() == [1, 2.5, 4]
    assert apply(table, step="fill", columns=["a"], value=0.5)["a"].tolist() == [1, 0.5, 4]
    assert apply(table, step="clip", columns=["a"], max=2.5)["a"].tolist()[2] == 2.5


def test_fill_puts_a_time_among_times():
    table = pd.DataFrame({"a": pd.to_datetime(["2024-01-01", None], utc=True)})
    assert apply(table, step="fill", columns=["a"], value="2020-01-01")["a"].dt.year.tolist() == [2024, 2020]
