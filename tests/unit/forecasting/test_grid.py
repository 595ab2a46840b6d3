"""From rows to the grid: what is mended by a rule, what is left, what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from forecast_tables import demand, panel, plan_of
from hypothesis import given, settings
from hypothesis import strategies as st

from millrace.errors import TrainingError
from millrace.forecasting.clock import instants
from millrace.forecasting.grid import panel_of, series_keys


@pytest.mark.parametrize(("rule", "value"), [("mean", 20.0), ("first", 10.0), ("last", 30.0), ("sum", 40.0)])
def test_rows_of_one_time_are_made_one_by_the_rule(rule: str, value: float) -> None:
    frame = demand(days=2)
    frame.loc[[5, 6], "demand"] = [10.0, 30.0]
    frame.loc[6, "at"] = frame.loc[5, "at"]
    notes: list[str] = []
    made = panel(frame, plan_of(duplicates=rule), notes)
    assert made.values[0, 5] == value
    assert np.isnan(made.values[0, 6])
    assert "1 doubled times" in notes[0]


def test_rows_of_one_time_are_refused_without_a_rule() -> None:
    frame = demand(days=2)
    frame.loc[6, "at"] = frame.loc[5, "at"]
    with pytest.raises(TrainingError, match=r"1 rows repeat a series and time.*2024-01-01 05:00"):
        panel(frame, plan_of())


def test_short_gaps_are_interpolated_and_long_ones_left_whole() -> None:
    frame = demand(days=3, noise=0)
    frame["demand"] = np.arange(len(frame), dtype=float)
    frame = frame.drop(index=[4, 5, *range(20, 24)]).reset_index(drop=True)
    notes: list[str] = []
    made = panel(frame, plan_of(gaps={"interpolate": 3}), notes)
    assert made.values[0, 4:6].tolist() == [4.0, 5.0]
    assert np.isnan(made.values[0, 20:24]).all()
    assert any("2 missing steps in 1 gaps were interpolated" in note for note in notes)
    assert any("4 missing steps in 1 gaps longer" in note for note in notes)


def test_the_grid_is_the_wall_clock_of_the_zone() -> None:
    """In Madrid the night of 31 March 2024 has no 02:00, and that of 27 October has it twice."""
    plan = plan_of(timezone="Europe/Madrid", duplicates="mean", gaps={"interpolate": 1})
    for day, hours in (("2024-03-30", 23), ("2024-10-26", 25)):
        times = pd.date_range(day, periods=24 + hours + 24, freq="h", tz="Europe/Madrid").tz_convert("UTC")
        frame = pd.DataFrame({"city": "Madrid", "at": times, "demand": np.arange(len(times), dtype=float)})
        made = panel(frame, plan)
        assert made.end == 72, day
        assert np.isfinite(made.values[0, :72]).all()
        moments, places = instants(made.times[24:48], "Europe/Madrid")
        assert len(moments) == hours
        assert sorted(moments) == [time.to_pydatetime() for time in times[24 : 24 + hours]]
        assert set(places) == set(range(24)) - ({2} if hours == 23 else set())


@settings(deadline=None)
@given(st.integers(0, 24 * 366), st.sampled_from(["Europe/Madrid", "America/New_York", "Asia/Kolkata", "UTC"]))
def test_an_instant_survives_the_way_to_the_wall_clock_and_back(hour: int, zone: str) -> None:
    moment = pd.Timestamp("2024-01-01", tz="UTC") + pd.Timedelta(hours=hour)
    wall = pd.DatetimeIndex([moment.tz_convert(zone).tz_localize(None)])
    assert moment.to_pydatetime() in instants(wall, zone)[0]


def test_what_no_rule_covers_is_refused() -> None:
    frame = demand(days=2)
    shifted = frame.assign(at=frame["at"] + pd.Timedelta(minutes=30))
    with pytest.raises(TrainingError, match=r"48 of 48 times lie between the steps of frequency h"):
        panel(shifted, plan_of())
    with pytest.raises(TrainingError, match="'town' of the forecast is not in the transformed table"):
        panel(frame, plan_of(series="town"))
    with pytest.raises(TrainingError, match=r"must hold numbers, but holds 'high'"):
        panel(frame.assign(demand="high"), plan_of())
    with pytest.raises(TrainingError, match="belong to no series"):
        panel(frame.assign(city=None), plan_of())
    with pytest.raises(TrainingError, match="holds no times"):
        panel(frame.assign(at="2024"), plan_of())
    with pytest.raises(TrainingError, match="No holidays are known for 'XX'"):
        panel(frame, plan_of(holidays="XX"))
    with pytest.raises(TrainingError, match="is empty in all 48 rows"):
        panel(frame.assign(demand=np.nan), plan_of())


def test_rows_without_a_target_tell_what_is_known_ahead() -> None:
    frame = demand(days=3).assign(heat=1.5)
    frame.loc[48:, "demand"] = np.nan
    made = panel(frame, plan_of(regressors=["heat"]))
    assert made.end == 48
    assert (made.regressors[0, 48:72, 0] == 1.5).all()
    assert np.isnan(made.values[0, 48:]).all()


def test_years_of_several_regions_make_one_grid() -> None:
    years = pd.to_datetime(["2019", "2020", "2022", "2021", "2022"], format="%Y", utc=True)
    frame = pd.DataFrame({"city": ["A", "A", "A", "B", "B"], "at": years, "demand": [1.0, 2, 3, 4, 5]})
    made = panel_of(frame, plan_of(frequency="YS", horizon=2), time="at", target="demand", warn=print)
    assert made.series == ["A", "B"]
    assert made.times.year.tolist() == [2019, 2020, 2021, 2022, 2023, 2024]
    assert made.end == 4


@settings(deadline=None)
@given(st.lists(st.one_of(st.none(), st.floats(-5, 5)), min_size=20, max_size=60), st.integers(5, 19))
def test_a_filled_value_depends_on_earlier_values_only(values: list[float | None], cut: int) -> None:
    times = pd.date_range("2024-01-01", periods=len(values), freq="h", tz="UTC")
    frame = pd.DataFrame({"city": "A", "at": times, "demand": [np.nan if v is None else v for v in values]})
    frame.loc[0, "demand"], frame.loc[len(frame) - 1, "demand"] = 1.0, 2.0
    made = panel(frame, plan_of(season=3))
    earlier = made.until(cut)
    np.testing.assert_array_equal(made.filled[:, :cut], earlier.filled[:, :cut])
    assert np.isfinite(made.filled[:, : made.end]).all()


def test_a_series_of_one_key_may_be_called_anything_and_keys_of_several_stay_apart() -> None:
    assert series_keys("Heat / Power", ["source"]) == {"source": "Heat / Power"}
    assert series_keys("a / b", ["one", "other"]) == {"one": "a", "other": "b"}
    frame = demand(days=2).assign(kind="x / y")
    with pytest.raises(TrainingError, match=r"'kind' holds 'x / y'.*between the keys"):
        panel(frame, plan_of(series=["city", "kind"]))
