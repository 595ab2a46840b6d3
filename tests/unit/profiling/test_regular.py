"""Which tables are regular series, and the forecast that is drafted for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st

from millrace.errors import DataError
from millrace.forecasting.plan import ForecastPlan
from millrace.profiling.columns import profile_columns
from millrace.profiling.draft import draft_spec
from millrace.profiling.forecast import backtest_of, horizon_of
from millrace.profiling.regular import Regular, find_regular
from millrace.profiling.timestamps import Clock, find_times
from millrace.spec.catalogue import load_spec
from millrace.spec.models import PipelineSpec

RANDOM = np.random.default_rng(5)


def series(frequency: str, steps: int, names: tuple[str, ...] = (), **more: Any) -> pd.DataFrame:
    times = pd.date_range("2021-01-01", periods=steps, freq=frequency)
    frames = [pd.DataFrame({"at": times, "shop": name, "sold": RANDOM.uniform(5, 9, steps)}) for name in names or ("",)]
    frame = pd.concat(frames, ignore_index=True).assign(**more)
    return frame if names else frame.drop(columns="shop")


def found_in(frame: pd.DataFrame) -> Regular | None:
    times = find_times(frame)
    columns = profile_columns(frame, {name for time in times for name in time.columns})
    return find_regular(frame, columns, times, "sold")


def drafted(frame: pd.DataFrame, folder: Path, **more: Any) -> PipelineSpec:
    path = folder / "sales.csv"
    frame.to_csv(path, index=False)
    draft = draft_spec(path, ["sold"], **more)
    spec = folder / "sales.yaml"
    spec.write_text(draft.text, encoding="utf-8")
    return load_spec(spec).spec


@pytest.mark.parametrize("frequency", ["5min", "15min", "30min", "h", "2h", "D", "W", "MS", "QS", "YS"])
@pytest.mark.parametrize("names", [(), ("Bern", "Chur", "Genf")])
def test_the_frequency_is_found(frequency: str, names: tuple[str, ...]) -> None:
    found = found_in(series(frequency, 60, names))
    assert found is not None
    assert (found.frequency, found.steps, found.series) == (frequency, 60, max(1, len(names)))
    assert found.keys == (("shop",) if names else ())
    assert (found.doubled, found.missing, found.longest_gap) == (0, 0, 0)


def test_weeks_begin_on_any_weekday(tmp_path: Path) -> None:
    spec = drafted(series("W-WED", 200), tmp_path)
    assert spec.forecast is not None
    assert spec.forecast.frequency == "W"


def test_gaps_and_doubled_times_are_counted(tmp_path: Path) -> None:
    whole = series("h", 400)
    frame = pd.concat([whole.drop(index=[50, 51, 90]), whole.iloc[[7]].assign(sold=1.0)], ignore_index=True)
    found = found_in(frame)
    assert found is not None
    assert (found.doubled, found.missing, found.longest_gap) == (1, 3, 2)
    plan = drafted(frame, tmp_path).forecast
    assert plan is not None
    assert (plan.duplicates, plan.gaps.interpolate, plan.horizon) == ("mean", 2, 24)
    assert plan.bounds.min == 0


@pytest.mark.parametrize(
    "spoilt",
    [
        lambda frame: frame.assign(at=frame["at"] + pd.to_timedelta(RANDOM.integers(0, 50, len(frame)), unit="min")),
        lambda frame: frame.sample(frac=0.5, random_state=1),
        lambda frame: pd.concat([frame, frame.head(40).assign(sold=0.5)]),
        lambda frame: frame.head(20),
    ],
    ids=["off the grid", "half missing", "doubled", "too short"],
)
def test_other_tables_are_no_series(spoilt: Any) -> None:
    assert found_in(spoilt(series("h", 300)).reset_index(drop=True)) is None


def test_several_columns_may_tell_the_series_apart(tmp_path: Path) -> None:
    one = series("D", 90, ("Bern", "Chur"))
    frame = pd.concat([one.assign(kind=kind) for kind in ("tea", "milk")], ignore_index=True)
    plan = drafted(frame, tmp_path).forecast
    assert plan is not None
    assert plan.series == ["shop", "kind"]
    assert plan.frequency == "D"


def test_a_table_with_more_to_predict_from_is_forecast_only_when_asked(tmp_path: Path) -> None:
    frame = series("h", 1500, heat=RANDOM.normal(size=1500))
    assert drafted(frame, tmp_path).task == "regression"
    asked = drafted(frame, tmp_path, task="forecast")
    assert asked.task == "forecast"
    assert asked.forecast is not None
    assert asked.forecast.regressors == []
    assert drafted(series("h", 1500), tmp_path, task="regression").task == "regression"


def test_a_forecast_of_what_is_no_series_is_refused_with_what_is_wanted(tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": RANDOM.normal(size=60), "sold": RANDOM.normal(size=60)})
    with pytest.raises(DataError, match="has no regular series of sold") as refused:
        drafted(frame, tmp_path, task="forecast")
    assert "a time column whose values lie on one grid" in str(refused.value.hint)


def test_a_target_with_zeros_is_judged_by_a_scaled_error(tmp_path: Path) -> None:
    frame = series("D", 200)
    assert drafted(frame, tmp_path).metric == "mape"
    frame.loc[3, "sold"] = 0
    assert drafted(frame, tmp_path).metric == "mase"


@examples(60)
@given(
    st.sampled_from(["15min", "h", "D", "W", "MS", "QS", "YS"]), st.integers(24, 5000), st.integers(1, 9),
    st.integers(0, 40),
)  # fmt: skip
def test_whatever_is_drafted_leaves_half_of_the_past_to_learn_from(
    frequency: str, steps: int, count: int, gap: int
) -> None:
    clock = Clock(("at",), None, pd.Series(dtype="datetime64[ns, UTC]"))
    regular = Regular(clock, ("shop",), frequency, count, steps, 0, gap, gap)
    horizon = horizon_of(regular)
    plan = ForecastPlan.model_validate(
        {"frequency": frequency, "horizon": horizon, "backtest": backtest_of(regular, horizon)}
    )
    assert plan.held_out + plan.choose <= max(0.6 * steps, 2 * (plan.day_steps or 1))
    assert plan.horizon <= max(1, steps / 5)
