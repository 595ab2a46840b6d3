"""Steps that know about time or keys: resample, aggregate, join, lag, window; and the step `python`."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from millrace.errors import TransformError
from millrace.strict import union_of
from millrace.transforms import STEPS
from millrace.transforms.base import TransformContext

STEP = TypeAdapter(union_of(STEPS, "step"))
HOURS = pd.to_datetime(["2024-01-01 00:00", "2024-01-01 01:00", "2024-01-01 03:00"], utc=True)
SERIES = pd.DataFrame({"t": HOURS, "v": [1.0, 2.0, 4.0]})


def apply(table: pd.DataFrame, notes: list[str] | None = None, other: pd.DataFrame | None = None, **step: object):
    """What one step makes of the table; `other` is the table that a join reads."""
    context = TransformContext(load_table=lambda _: other)
    result = STEP.validate_python(step).apply(table, context)
    if notes is not None:
        notes += context.notes
    return result


def test_aggregate_keeps_null_keys_and_counts_rows():
    table = pd.DataFrame({"k": ["a", "a", None], "v": [1.0, 3.0, None]})
    metrics = {"mean": {"column": "v", "function": "mean"}, "sum": {"column": "v", "function": "sum"}}
    result = apply(table, step="aggregate", by=["k"], metrics=metrics, rows="n")
    assert result["n"].tolist() == [2, 1]
    assert result["mean"].tolist()[0] == 2
    assert pd.isna(result["sum"].tolist()[1])


def days(numbers: list[float], clocks: list[str] | None = None, **columns: list[object]) -> pd.DataFrame:
    return pd.DataFrame({"day": numbers, "clock": clocks or ["11:45:00 PM"] * len(numbers), **columns})


RESTORE = {"step": "restore_dates", "day": "day", "time": "clock", "format": "%I:%M:%S %p", "start": "2023-12"}


def test_parts_of_a_time_in_its_zone():
    times = pd.to_datetime(["2024-06-30 22:30", "2024-12-31 23:30", None], utc=True)
    step = {"step": "date_parts", "column": "t", "parts": ["month", "hour"]}
    result = apply(pd.DataFrame({"t": times}), **step, timezone="Europe/Madrid")
    assert result["t_month"].tolist()[:2] == [7, 1]
    assert result["t_hour"].tolist()[:2] == [0, 0]
    assert result["t_hour"].isna().tolist() == [False, False, True]
    assert apply(SERIES, **step)["t_hour"].dtype == "int64"
    with pytest.raises(ValueError, match="'Madrid' is no time zone"):
        apply(SERIES, **step, timezone="Madrid")


def test_a_lower_day_begins_the_next_month_and_the_next_year():
    result = apply(days([30, 31, 1, 29, 1], name=list("abcde")), **RESTORE, **{"as": "at"})
    assert list(result) == ["name", "at"]
    expected = ["2023-12-30", "2023-12-31", "2024-01-01", "2024-01-29", "2024-02-01"]
    assert result["at"].tolist() == [pd.Timestamp(f"{day} 23:45", tz="UTC") for day in expected]


@given(st.dates(date(2001, 1, 1), date(2030, 1, 1)), st.lists(st.integers(0, 27), min_size=1, max_size=40))
def test_restored_dates_are_the_dates_that_were_there(first, steps):
    true = pd.Series(pd.Timestamp(first, tz="UTC") + pd.to_timedelta(np.cumsum([0, *steps]), unit="D"))
    table = pd.DataFrame({"day": true.dt.day})
    result = apply(table, step="restore_dates", day="day", start=f"{first:%Y-%m}", **{"as": "at"}, keep=True)
    assert result["at"].tolist() == true.tolist()
    assert result["day"].tolist() == table["day"].tolist()


def test_weekdays_that_differ_are_told():
    notes: list[str] = []
    table = days([1, 2], weekday=["Friday", "Sunday"])
    apply(table, notes, **RESTORE, weekday="weekday")
    (note,) = notes
    assert "1 of 2 rows, e.g. Sunday for Saturday, 2023-12-02" in note


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (days([31, 1, 30, 5, 30]), "30.* in column 'day', row 5, is no day of February 2024"),
        (days([1, 2.5]), "2.5 in column 'day', row 2, is no day of a month"),
        (days([1, None]), "row 2, is no day of a month"),
        (days([1, 1], ["1:00:00 AM", "25:00"]), "'25:00' in column 'clock', row 2, is no time"),
        (days([1, 1], ["1:00:00 PM", "1:00:00 AM"]), r"row 2 \(day 1, 01:00\) follows day 1, 13:00; 1 rows run"),
    ],
)
def test_what_is_no_date_is_refused_with_its_row(table, message):
    with pytest.raises(TransformError, match=message):
        apply(table, **RESTORE)


def test_resample_keeps_gaps_as_nulls_or_drops_them():
    result = apply(SERIES, step="resample", time="t", every="1h", aggregate={"v": "sum"})
    assert len(result) == 4
    assert result["v"].isna().tolist() == [False, False, True, False]
    dropped = apply(SERIES, step="resample", time="t", every="1h", aggregate={"v": "sum"}, gaps="drop")
    assert dropped["v"].tolist() == [1, 2, 4]


def test_resample_by_key_and_first_in_time():
    table = pd.DataFrame({"t": HOURS[[1, 0, 2]], "k": ["a", "a", "b"], "v": [2.0, 1.0, 4.0]})
    result = apply(table, step="resample", time="t", every="1D", aggregate={"v": "first"}, by=["k"])
    assert result[["k", "v"]].to_numpy().tolist() == [["a", 1.0], ["b", 4.0]]


def test_resample_notes_rows_without_a_time_and_refuses_text():
    notes: list[str] = []
    table = pd.concat([SERIES, pd.DataFrame({"t": [pd.NaT], "v": [9.0]})], ignore_index=True)
    table["t"] = pd.to_datetime(table["t"], utc=True)
    apply(table, notes, step="resample", time="t", every="1h", aggregate={"v": "mean"})
    assert "dropped 1 rows" in notes[0]
    with pytest.raises(TransformError, match="needs times"):
        apply(SERIES.assign(t="x"), step="resample", time="t", every="1h", aggregate={"v": "mean"})


def test_resample_refuses_a_grid_that_one_stray_time_makes_endless():
    table = pd.DataFrame({"t": pd.to_datetime(["1700-01-01", "2200-01-01"], utc=True), "v": [1.0, 2.0]})
    with pytest.raises(TransformError, match="would make 15,7"):
        apply(table, step="resample", time="t", every="1s", aggregate={"v": "mean"})


def test_join_adds_columns_keeps_the_order_and_notes_what_has_no_match():
    notes: list[str] = []
    other = pd.DataFrame({"k": [1, 2], "name": ["one", "two"], "v": [0, 0]})
    table = pd.DataFrame({"k": [2, 3, 1], "v": [1, 2, 3]})
    joined = apply(table, notes, other, step="join", **{"with": {"type": "file"}}, on=["k"])
    assert joined["name"].tolist()[0::2] == ["two", "one"]
    assert list(joined.columns) == ["k", "v", "name", "v_joined"]
    assert "no match for 1 of 3 rows" in notes[0]
    inner = apply(table, [], other, step="join", **{"with": {}}, on=["k"], how="inner", columns=["name"])
    assert inner["name"].tolist() == ["two", "one"]


def test_join_never_multiplies_rows_unasked():
    other = pd.DataFrame({"k": [1, 1], "w": [1, 2]})
    table = pd.DataFrame({"k": [1]})
    with pytest.raises(TransformError, match="not unique in the joined table"):
        apply(table, [], other, step="join", **{"with": {}}, on=["k"])
    assert len(apply(table, [], other, step="join", **{"with": {}}, on=["k"], validate="1:m")) == 2


def test_join_refuses_keys_of_different_kinds_and_missing_columns():
    with pytest.raises(TransformError, match="'k' holds whole numbers"):
        apply(pd.DataFrame({"k": [1]}), [], pd.DataFrame({"k": ["1"]}), step="join", **{"with": {}}, on=["k"])
    with pytest.raises(TransformError, match="has no column 'w'"):
        apply(
            pd.DataFrame({"k": [1]}), [], pd.DataFrame({"k": [1]}), step="join", **{"with": {}}, on=["k"], columns=["w"]
        )


def test_lag_counts_rows_in_the_order_of_time_and_keeps_the_tables_order():
    table = SERIES.iloc[[2, 0, 1]].reset_index(drop=True)
    result = apply(table, step="lag", columns=["v"], order_by="t", periods=[1])
    assert result["v"].tolist() == [4, 1, 2]
    assert result["v_lag_1"].tolist()[0] == 2
    assert pd.isna(result["v_lag_1"].tolist()[1])


def test_lag_with_every_counts_time_so_a_gap_is_null():
    result = apply(SERIES, step="lag", columns=["v"], order_by="t", periods=[1, 2], every="1h")
    assert result["v_lag_1"].isna().tolist() == [True, False, True]
    assert result["v_lag_2"].tolist()[2] == 2


def test_lag_never_crosses_a_key():
    table = pd.DataFrame({"k": ["a", "b", "a"], "t": [1, 2, 3], "v": [1.0, 2.0, 3.0]})
    result = apply(table, step="lag", columns=["v"], order_by="t", by=["k"], periods=[1])
    assert result["v_lag_1"].isna().tolist() == [True, True, False]


def test_lag_with_every_refuses_repeated_times_and_times_off_the_grid():
    with pytest.raises(TransformError, match="1 repeated or missing times"):
        apply(pd.concat([SERIES, SERIES[:1]]), step="lag", columns=["v"], order_by="t", periods=[1], every="1h")
    with pytest.raises(TransformError, match="not a multiple of 2h"):
        apply(SERIES, step="lag", columns=["v"], order_by="t", periods=[1], every="2h")


def test_window_ends_before_the_row_and_knows_gaps():
    table = pd.DataFrame({"t": pd.date_range("2024-01-01", periods=4, freq="h", tz="UTC"), "v": [1.0, 2.0, 3.0, 4.0]})
    result = apply(table, step="window", columns=["v"], order_by="t", size=2, functions=["mean", "max"])
    assert result["v_mean_2"].tolist()[2:] == [1.5, 2.5]
    assert result["v_max_2"].tolist()[2:] == [2, 3]
    gappy = apply(table.drop(index=1), step="window", columns=["v"], order_by="t", size=2, every="1h", min_periods=1)
    assert gappy["v_mean_2"].tolist()[1:] == [1.0, 3.0]
    strict = apply(table.drop(index=1), step="window", columns=["v"], order_by="t", size=2, every="1h")
    assert strict["v_mean_2"].isna().all()


def test_lag_and_window_refuse_to_overwrite_a_column():
    with pytest.raises(TransformError, match="overwrite the column 'v_lag_1'"):
        apply(SERIES.assign(v_lag_1=0), step="lag", columns=["v"], order_by="t", periods=[1])


def test_python_calls_a_function_and_leaves_the_given_table(tmp_path, monkeypatch):
    (tmp_path / "own_steps.py").write_text(
        "def add_one(table, column):\n    table[column] += 1\n    return table\n"
        "def broken(table):\n    raise KeyError('x')\n"
        "def wrong(table):\n    return 5\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    before = SERIES.copy()
    result = apply(SERIES, step="python", function="own_steps:add_one", options={"column": "v"})
    assert result["v"].tolist() == [2, 3, 5]
    pd.testing.assert_frame_equal(SERIES, before)
    for function, sentence in {
        "own_steps:broken": "raised KeyError",
        "own_steps.wrong": "returned int, not a DataFrame",
        "own_steps.absent": "has no function 'absent'",
        "no_such_package.f": "cannot import 'no_such_package'",
    }.items():
        with pytest.raises(TransformError, match=sentence):
            apply(SERIES, step="python", function=function)


WIDE = 2**53 + 1


@pytest.mark.parametrize("how", ["left", "inner"])
def test_a_null_key_matches_nothing(how: str):
    other = pd.DataFrame({"k": ["a", None, None], "w": [1, 2, 3]})
    result = apply(pd.DataFrame({"k": ["a", None]}), step="join", **{"with": {}}, on=["k"], how=how, other=other)
    assert result["w"].dropna().tolist() == [1]
    assert len(result) == (2 if how == "left" else 1)


def test_a_join_keeps_whole_numbers_exact_beside_rows_without_a_match():
    other = pd.DataFrame({"k": ["a"], "w": [WIDE]})
    result = apply(pd.DataFrame({"k": ["a", "b"]}), step="join", **{"with": {}}, on=["k"], other=other)
    assert result["w"].tolist() == [WIDE, pd.NA]


def test_a_join_takes_times_without_a_zone_as_utc():
    other = pd.DataFrame({"t": HOURS.tz_localize(None), "w": [1, 2, 3]})
    result = apply(SERIES, step="join", **{"with": {}}, on=["t"], other=other)
    assert result["w"].tolist() == [1, 2, 3]
    assert result["t"].dt.tz is not None


@pytest.mark.parametrize(
    ("here", "there"),
    [({"v": [1], "v_joined": [2]}, {"v": [9]}), ({"v": [1]}, {"v": [9], "v_joined": [2]})],
)
def test_a_join_makes_no_two_columns_of_one_name(here: dict[str, list[int]], there: dict[str, list[int]]):
    table, other = pd.DataFrame({"k": [1], **here}), pd.DataFrame({"k": [1], **there})
    with pytest.raises(TransformError, match="would make two columns called 'v_joined'"):
        apply(table, step="join", **{"with": {}}, on=["k"], other=other)


@pytest.mark.parametrize("step", [{"step": "lag", "periods": [1]}, {"step": "window", "size": 1}])
def test_a_row_without_a_time_is_nobodys_past(step: dict[str, object]):
    table = pd.concat([SERIES, pd.DataFrame({"t": [pd.NaT], "v": [99.0]})], ignore_index=True)
    past = apply(table, **step, columns=["v"], order_by="t").iloc[:, -1]
    assert past.isna().tolist() == [True, False, False, True]
    assert past.tolist()[1:3] == [1, 2]


def test_a_lag_keeps_whole_numbers_exact_and_takes_a_table_without_rows():
    table = SERIES.assign(v=[WIDE, WIDE + 2, 1])
    assert apply(table, step="lag", columns=["v"], order_by="t", periods=[1])["v_lag_1"].tolist()[1:] == [
        WIDE,
        WIDE + 2,
    ]
    nothing = apply(table.iloc[:0], step="lag", columns=["v"], order_by="t", periods=[1], every="1h")
    assert nothing.columns.tolist() == ["t", "v", "v_lag_1"]


@pytest.mark.parametrize("dtype", ["int64", "Int64"])
def test_a_sum_beyond_64_bits_is_a_double_and_never_wraps_round(dtype: str):
    table = pd.DataFrame({"k": ["a", "a", "b"], "v": pd.array([2**62, 2**62, 5], dtype=dtype)})
    result = apply(table, step="aggregate", by=["k"], metrics={"sum": {"column": "v", "function": "sum"}})
    assert result["sum"].tolist() == [2.0**63, 5]
