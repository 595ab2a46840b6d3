"""What `auto` tries on series of which shape, and what a forecaster's `search` may name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from examples import examples
from forecast_tables import demand, panel, plan_of
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from millrace.forecasting.candidates import DayVector, ExponentialSmoothing, LagRegression, Mean
from millrace.forecasting.portfolio import Shape, portfolio, shape_of
from millrace.forecasting.walk import past_origins

HOURLY = Shape(steps=24 * 700, series=1, origins=28, horizon=24, season=168, day=24)
YEARLY = Shape(steps=12, series=50, origins=3, horizon=7, season=1, cap=100.0)
MONTHLY = Shape(steps=120, series=3, origins=12, horizon=12, season=12)


def labels(shape: Shape) -> list[str]:
    return [candidate.label for candidate, _ in portfolio(shape)]


def test_long_series_within_days_are_forecast_by_days_and_lags() -> None:
    assert labels(HOURLY) == ["seasonal_naive", "lear", "network", "linear_lags", "tree_lags"]


def test_short_series_of_years_are_smoothed_and_grow_together() -> None:
    assert labels(YEARLY) == [
        "seasonal_naive", "drift", "shared_growth", "shared_growth_capped", "smoothing", "smoothing_capped",
        "linear_lags", "tree_lags",
    ]  # fmt: skip
    assert "shared_growth_capped" not in labels(replace(YEARLY, cap=None))
    assert "shared_growth" not in labels(replace(YEARLY, series=2))


def test_months_have_seasons() -> None:
    assert "seasonal_smoothing" in labels(MONTHLY)
    assert "seasonal_smoothing" not in labels(replace(MONTHLY, steps=20))


def test_what_would_not_end_in_time_is_left_out() -> None:
    assert "network" not in labels(replace(HOURLY, series=100))
    assert "tree_lags" not in labels(replace(HOURLY, series=100))
    assert "smoothing" not in labels(replace(MONTHLY, series=1000))
    assert labels(replace(HOURLY, steps=24 * 20)) == ["seasonal_naive", "linear_lags", "tree_lags"]


@examples(60)
@given(
    st.integers(1, 20_000), st.integers(1, 300), st.integers(1, 90), st.integers(1, 400), st.integers(1, 400),
    st.sampled_from([None, 24, 48, 96]), st.sampled_from([None, 1.0, 100.0]),
)  # fmt: skip
def test_any_shape_has_candidates_whose_first_options_fit(
    steps: int, series: int, origins: int, horizon: int, season: int, day: int | None, cap: float | None
) -> None:
    found = portfolio(Shape(steps, series, origins, horizon, season, day, cap))
    assert found[0][0].label == "seasonal_naive"
    for candidate, starts in found:
        for start in starts:
            candidate.with_options(start).forecaster(1)
        if isinstance(candidate, LagRegression):
            assert max(candidate.lags) <= max(1, steps // 4)


def test_the_shape_is_that_of_what_the_first_choosing_forecast_knows() -> None:
    plan = plan_of(backtest={"held_out": 168, "choose": 168}, bounds={"min": 0, "max": 500})
    known = panel(demand(days=60, cities=("Lyon", "Nice")), plan)
    choosing, _ = past_origins(known, plan)
    shape = shape_of(known, plan, choosing)
    assert shape == Shape(steps=46 * 24, series=2, origins=7, horizon=24, season=168, day=24, cap=500.0)
    assert shape.days == 39
    below = replace(known, values=known.values - 1000)
    assert shape_of(below, plan_of(bounds={"max": 500}), choosing).cap is None


def test_a_search_names_options_and_the_parameters_of_the_regressor() -> None:
    written = {"estimator": "day_vector", "regressor": "ridge", "search": {"alpha": [0.1, 10.0]}}
    candidate = DayVector.model_validate(written)
    changed = candidate.with_options({"alpha": 2.5, "history": 90, "days": [1, 7]})
    assert changed.regressor.params == {"alpha": 2.5}
    assert (changed.history, changed.days, changed.search) == (90, [1, 7], {})
    assert candidate.build("forecast", {"alpha": 2.5}, 1).regressors[0].alpha == 2.5


@pytest.mark.parametrize(
    ("kind", "written", "words"),
    [
        (DayVector, {"search": {"alfa": [1, 2]}}, "'alfa' is no option of day_vector to search. Did you mean 'alpha'"),
        (DayVector, {"search": {"regressor": {"choices": ["ridge"]}}}, "'regressor' is no option"),
        (DayVector, {"search": {"history": [5, 90]}}, "search.history: 5 does not fit: Input should be greater"),
        (DayVector, {"search": {"days": {"choices": [[1], [0, 1]]}}}, r"search.days: \[0, 1\] does not fit: days are"),
        (DayVector, {"search": {"alpha": [2, 1]}}, r"search.alpha is \[2, 1\]. Allowed: \[low, high\]"),
        (DayVector, {"params": {"alpha": 1}}, "a forecaster has no 'params'"),
        (
            ExponentialSmoothing,
            {"search": {"scale": {"choices": ["plain", "logit"]}}},
            "search.scale: 'logit' does not fit: cap and scale: logit go together",
        ),
        (
            Mean,
            {"members": [{"estimator": "drift"}, {"estimator": "seasonal_naive"}], "search": {"members": [1, 2]}},
            "mean has nothing to search",
        ),
    ],
)
def test_a_search_that_cannot_be_done_is_refused(kind: Any, written: dict[str, Any], words: str) -> None:
    name = {DayVector: "day_vector", ExponentialSmoothing: "exponential_smoothing", Mean: "mean"}[kind]
    with pytest.raises(ValidationError, match=words):
        kind.model_validate({"estimator": name, **written})
