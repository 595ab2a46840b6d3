"""The words of `forecast`, and what may stand beside them."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from millrace.forecasting.plan import ForecastPlan
from millrace.spec.models import PipelineSpec
from millrace.stages.training.candidates import all_candidates

SOURCE = {"type": "sample", "name": "energy_demand", "timestamp": {"from": "Datetime", "as": "at"}}


def spec_of(**parts: Any) -> PipelineSpec:
    document = {
        "name": "demand",
        "source": SOURCE,
        "task": "forecast",
        "target": "AEP_MW",
        "forecast": {"frequency": "h", "horizon": 24},
        "candidates": [{"estimator": "day_vector"}],
    }
    return PipelineSpec.model_validate({key: value for key, value in {**document, **parts}.items() if value is not ...})


@pytest.mark.parametrize(
    ("frequency", "day", "season", "every"),
    [
        ("h", 24, 168, 24),
        ("15min", 96, 672, 96),
        ("2h", 12, 84, 12),
        ("D", None, 7, 7),
        ("W", None, 52, 24),
        ("MS", None, 12, 12),
        ("2MS", None, 6, 6),
        ("YS", None, 1, 1),
    ],
)
def test_a_frequency_brings_its_day_and_season(frequency: str, day: int | None, season: int, every: int) -> None:
    plan = ForecastPlan(frequency=frequency, horizon=24)
    assert (plan.day_steps, plan.season_steps, plan.every) == (day, season, every)


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        ({"frequency": "7h"}, "does not divide a day"),
        ({"frequency": "fortnight"}, "is no frequency"),
        ({"frequency": "0h"}, "is no frequency"),
        ({"timezone": "Europe/Atlantis"}, "is no time zone"),
        ({"origin": "06:30"}, "lies between two steps"),
        ({"frequency": "D", "origin": "06:00"}, "has no time of day"),
        ({"backtest": {"every": 7}}, "a multiple of a day"),
        ({"series": "city", "regressors": ["city"]}, "'city' is named twice"),
        ({"series": "timestamp"}, "has a field of that name"),
        ({"bounds": {"min": 5, "max": 5}}, "must be below"),
        ({"horizon": 0}, "greater than or equal to 1"),
        ({"holidays": "Germany"}, "string_pattern_mismatch|should match pattern"),
        ({"interval": {}}, "extra_forbidden|Extra inputs"),
    ],
)
def test_a_plan_that_says_two_things_is_refused(written: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        ForecastPlan.model_validate({"frequency": "h", "horizon": 24, **written})


@pytest.mark.parametrize(
    ("parts", "complaint"),
    [
        ({"forecast": ...}, "needs a section 'forecast'"),
        ({"task": "regression", "candidates": [{"estimator": "ridge"}]}, "is for task: forecast"),
        ({"split": {"by": "time"}}, "forecast.backtest instead of 'split'"),
        ({"features": [{"step": "calendar", "column": "at", "parts": ["hour"]}]}, "no row-wise 'features'"),
        ({"training": {"beyond": "sample"}}, "tear holes"),
        ({"source": {"type": "sample", "name": "energy_demand"}}, "needs a time"),
        ({"candidates": [{"estimator": "ridge"}]}, "ridge cannot do a forecast"),
        ({"candidates": [{"estimator": "day_vector", "params": {"alpha": 1}}]}, "has no 'params'"),
        ({"candidates": [{"estimator": "day_vector", "regressor": "lgbm"}]}, "'lgbm' is no estimator"),
        ({"candidates": [{"estimator": "lag_regression", "lags": [0]}]}, "whole numbers above 0"),
        ({"candidates": [{"estimator": "mean", "members": [{"estimator": "x"}, {"estimator": "drift"}]}]}, "'x' is no"),
        ({"candidates": [{"estimator": "exponential_smoothing", "scale": "logit"}]}, "cap and scale: logit"),
        ({"forecast": {"frequency": "D", "horizon": 7}}, "forecasts whole days"),
        (
            {
                "forecast": {"frequency": "D", "horizon": 7},
                "candidates": [{"estimator": "mean", "members": [{"estimator": "drift"}, {"estimator": "day_vector"}]}],
            },
            "forecasts whole days",
        ),
        ({"forecast": {"frequency": "h", "horizon": 7, "regressors": ["AEP_MW"]}}, "cannot be a series key"),
        ({"target": "level"}, "has a field of that name"),
        ({"promotion": {"metric": "r2"}}, "is no metric of a forecast"),
        ({"promotion": {"rollback": {}}}, "judged by its stored actuals"),
        ({"task": ..., "target": ..., "candidates": ...}, "'forecast' is given, but no 'task'"),
    ],
)
def test_a_spec_whose_parts_do_not_fit_is_refused(parts: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        spec_of(**parts)


def test_the_value_of_a_season_ago_is_always_among_the_candidates() -> None:
    assert list(all_candidates(spec_of())) == ["day_vector", "baseline"]
    own = [{"estimator": "seasonal_naive", "season": 24}, {"estimator": "drift"}]
    named = all_candidates(spec_of(candidates=own))
    assert list(named) == ["seasonal_naive", "drift"]
    assert named["seasonal_naive"].is_baseline
