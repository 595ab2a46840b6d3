"""A column is a time only when every value has one format."""

from __future__ import annotations

import pandas as pd
import pytest

from millrace.profiling.timestamps import find_times, order_of_rows

HOURS = pd.date_range("2024-02-20 00:00", periods=400, freq="h", tz="UTC")


@pytest.mark.parametrize(
    "form",
    [
        "%d/%m/%Y %H:%M",
        "%m/%d/%Y %H:%M:%S",
        "%d.%m.%Y %H:%M",
        "%Y/%m/%d %H:%M:%S",
        "%d-%b-%Y %H:%M",
        "%d/%m/%Y %I:%M %p",
    ],
)
def test_a_formatted_time_is_found_and_read_right(form: str) -> None:
    (clock,) = find_times(pd.DataFrame({"when": HOURS.strftime(form), "value": range(400)}))
    assert clock.columns == ("when",)
    assert clock.format == form
    assert list(clock.values) == list(HOURS)


def test_months_and_days_of_one_digit_are_found() -> None:
    (clock,) = find_times(pd.DataFrame({"when": [f"2024-{n % 12 + 1}-{n + 1}" for n in range(28)]}))
    assert clock.format == "%Y-%m-%d"
    assert clock.values.notna().all()


def test_iso_times_need_no_format_even_with_mixed_offsets() -> None:
    local = [time.isoformat(sep=" ") for time in HOURS.tz_convert("Europe/Madrid").shift(900)]
    assert {text[-6:] for text in local} == {"+01:00", "+02:00"}
    (clock,) = find_times(pd.DataFrame({"when": local}))
    assert clock.format is None
    assert clock.values.is_monotonic_increasing


def test_a_date_and_a_clock_column_are_joined() -> None:
    frame = pd.DataFrame({"Date": HOURS.strftime("%d/%m/%Y"), "Time": HOURS.strftime("%H.%M.%S"), "value": range(400)})
    (clock,) = find_times(frame)
    assert clock.columns == ("Date", "Time")
    assert clock.format == "%d/%m/%Y %H.%M.%S"
    assert list(clock.values) == list(HOURS)


def test_a_time_of_day_beside_a_day_of_the_month_is_no_timestamp() -> None:
    frame = pd.DataFrame({"Time": HOURS.strftime("%I:%M:%S %p"), "Date": HOURS.day, "value": range(400)})
    assert find_times(frame) == []


def test_days_that_could_be_months_are_read_in_the_order_of_the_rows() -> None:
    days = pd.date_range("2024-01-01", "2024-12-12", freq="D", tz="UTC")
    days = days[days.day <= 12]
    (clock,) = find_times(pd.DataFrame({"when": days.strftime("%m/%d/%Y")}))
    assert clock.format == "%m/%d/%Y"


@pytest.mark.parametrize("values", [["12", "13", "x"] * 20, ["2024-13-45"] * 20, ["free text 2024"] * 20, [None] * 20])
def test_other_texts_are_no_times(values: list[str | None]) -> None:
    assert find_times(pd.DataFrame({"a": pd.Series(values, dtype="object")})) == []


def test_one_odd_value_makes_a_column_no_time() -> None:
    texts = [*HOURS.strftime("%d/%m/%Y %H:%M"), "soon"]
    assert find_times(pd.DataFrame({"when": texts})) == []


def test_dates_that_repeat_without_order_do_not_order_the_rows() -> None:
    dates = ["2007-11-11", "2008-11-13", "2007-11-16", "2009-11-22"] * 90
    times = find_times(pd.DataFrame({"egg": dates}))
    assert len(times) == 1
    assert order_of_rows(times) is None


def test_a_time_for_each_row_orders_the_rows_even_when_they_are_shuffled() -> None:
    frame = pd.DataFrame({"when": HOURS}).sample(frac=1, random_state=3)
    clock = order_of_rows(find_times(frame))
    assert clock is not None
    assert clock.columns == ("when",)
