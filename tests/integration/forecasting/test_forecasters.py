"""Every forecaster: it learns what is there to learn, looks at nothing later than its origin, and survives storage."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from forecast_tables import demand, panel, plan_of

from millrace.errors import TrainingError
from millrace.forecasting.candidates import FORECASTERS
from millrace.forecasting.panel import Panel
from millrace.forecasting.walk import last_origin, past_origins, walk
from millrace.stores.model_format import model_bytes, model_from_bytes
from millrace.strict import by_name

BY_NAME = by_name(FORECASTERS, "estimator")
WRITTEN: dict[str, dict[str, Any]] = {
    "seasonal_naive": {},
    "drift": {},
    "shared_growth": {},
    "exponential_smoothing": {"trend": "none", "seasonal": True},
    "lag_regression": {"regressor": "linear", "lags": [1, 2, 24, 168], "means": {1: 24}},
    "lag_regression direct": {"regressor": "ridge", "lags": list(range(1, 169)), "strategy": "direct"},
    "day_vector": {},
    "day_vector mlp": {
        "regressor": {"estimator": "mlp", "params": {"hidden_layer_sizes": [8], "max_iter": 40}},
        "copies": 2,
        "days": [1, 7],
    },
    "mean": {"members": [{"estimator": "day_vector"}, {"estimator": "seasonal_naive"}]},
}
LEARNS = ["exponential_smoothing", "lag_regression", "lag_regression direct", "day_vector", "mean"]


def made(label: str) -> Any:
    name = label.split(maxsplit=1)[0]
    return BY_NAME[name].model_validate({"estimator": name, **WRITTEN[label]}).forecaster(17)


@pytest.fixture(scope="module")
def series() -> Panel:
    return panel(demand(days=60, cities=("Lyon", "Nice")), plan_of(horizon=48, season=168))


@pytest.mark.parametrize("label", LEARNS)
def test_it_learns_the_course_of_the_day(label: str, series: Panel) -> None:
    """What is left is noise: the error is far below that of the mean of the series."""
    origin = series.end - 48
    fitted = made(label).fit(series.until(origin), 48)
    given = fitted.predict(series.until(origin), np.array([origin]), 48)
    truth = series.truth(np.array([origin]), 48)
    spread = np.nanstd(series.values, axis=1)
    errors = np.abs(given - truth).mean(axis=(0, 2)) / spread
    assert given.shape == (1, 2, 48)
    assert (errors < 0.5).all(), errors


@pytest.mark.parametrize("label", WRITTEN)
def test_no_forecast_looks_behind_its_origin(label: str, series: Panel) -> None:
    """Whatever comes after an origin, the forecast from there is the same, alone or with other origins."""
    origins = np.array([series.end - 96, series.end - 48])
    fitted = made(label).fit(series.until(int(origins[0])), 48)
    given = fitted.predict(series, origins, 48)
    for row, origin in enumerate(origins):
        alone = fitted.predict(series.until(int(origin)), origins[row : row + 1], 48)
        np.testing.assert_allclose(given[row], alone[0], rtol=1e-9)


@pytest.mark.parametrize("label", WRITTEN)
def test_a_stored_forecaster_answers_as_before(label: str, series: Panel) -> None:
    origins = np.array([series.end])
    fitted = made(label).fit(series, 24)
    again = model_from_bytes(model_bytes(fitted), label)
    np.testing.assert_array_equal(again.predict(series, origins, 24), fitted.predict(series, origins, 24))


def test_the_season_of_a_naive_forecast_repeats(series: Panel) -> None:
    given = made("seasonal_naive").fit(series, 336).predict(series, np.array([series.end]), 336)
    week = series.values[:, series.end - 168 : series.end]
    np.testing.assert_array_equal(given[0], np.hstack([week, week]))


def test_a_drift_is_the_line_through_the_ends() -> None:
    frame = demand(days=3, noise=0)
    frame["demand"] = 5.0 + 2.0 * np.arange(len(frame))
    own = panel(frame, plan_of())
    given = made("drift").fit(own, 24).predict(own, np.array([own.end]), 24)
    np.testing.assert_allclose(given[0, 0], 5.0 + 2.0 * np.arange(72, 96))


@pytest.mark.parametrize("scale", ["log", "logit"])
def test_smoothing_on_a_bent_scale_continues_bent_growth(scale: str) -> None:
    frame = demand(days=1).head(20)
    steps = np.arange(24)
    curve = 0.5 * np.exp(0.2 * steps) if scale == "log" else 100 / (1 + np.exp(4 - 0.3 * steps))
    own = panel(frame.assign(demand=curve[:20]), plan_of(horizon=4))
    written = {"trend": "linear", "scale": scale, **({"cap": 100} if scale == "logit" else {})}
    candidate = BY_NAME["exponential_smoothing"].model_validate({"estimator": "exponential_smoothing", **written})
    given = candidate.forecaster(0).fit(own, 4).predict(own, np.array([own.end]), 4)
    np.testing.assert_allclose(given[0, 0], curve[20:], rtol=0.02)


def test_shared_growth_goes_on_from_where_each_series_stands() -> None:
    """A newcomer with one value grows as the others have."""
    frame = demand(days=1, cities=("Lyon", "Nice"))
    steps = np.arange(24)
    frame["demand"] = np.concatenate([1.1**steps, 7 * 1.1**steps])
    frame.loc[24:46, "demand"] = np.nan
    own = panel(frame, plan_of(horizon=3))
    given = made("shared_growth").fit(own, 3).predict(own, np.array([own.end]), 3)
    np.testing.assert_allclose(given[0], np.array([[1.0], [7.0]]) * 1.1 ** np.arange(24, 27), rtol=1e-9)


def test_known_regressors_are_used(series: Panel) -> None:
    """Demand that follows the heat of the same hour cannot be forecast without it."""
    frame = demand(days=60)
    heat = np.random.default_rng(3).normal(0, 10, len(frame))
    frame = frame.assign(heat=heat, demand=frame["demand"] + heat)
    for label, share in (("day_vector", 0.5), ("lag_regression", 0.75)):
        errors = []
        for regressors in ([], ["heat"]):
            own = panel(frame, plan_of(regressors=regressors))
            origin = own.end - 24
            given = made(label).fit(own.until(origin), 24).predict(own, np.array([origin]), 24)
            errors.append(np.abs(given - own.truth(np.array([origin]), 24)).mean())
        assert errors[1] < share * errors[0], (label, errors)


def test_too_short_a_series_is_refused_by_name() -> None:
    own = panel(demand(days=20, cities=("Lyon",)), plan_of())
    with pytest.raises(TrainingError, match="No series has 30 whole days to learn from; the longest has 13"):
        made("day_vector").fit(own, 24)
    with pytest.raises(TrainingError, match="the lags look 168 back"):
        made("lag_regression").fit(panel(demand(days=5), plan_of()), 24)


def test_a_newcomer_takes_its_values_of_a_week_ago() -> None:
    frame = demand(days=60, cities=("Lyon", "Nice"))
    frame.loc[1440 : 1440 + 24 * 45, "demand"] = np.nan
    own = panel(frame, plan_of())
    fitted = made("mean").fit(own, 24)
    assert fitted.left_ == ["Nice"]
    fitted = made("day_vector").fit(own, 24)
    given = fitted.predict(own, np.array([own.end]), 24)
    np.testing.assert_array_equal(given[0, 1], own.values[1, own.end - 168 : own.end - 144])
    assert not np.array_equal(given[0, 0], own.values[0, own.end - 168 : own.end - 144])


def test_origins_lie_at_the_hour_of_the_plan() -> None:
    plan = plan_of(origin="06:00", backtest={"held_out": 72, "choose": 48})
    own = panel(demand(days=40).iloc[:-3], plan)
    last = last_origin(own, plan)
    assert own.times[last] == own.times[own.end].normalize() - np.timedelta64(0) + np.timedelta64(6, "h")
    choosing, held = past_origins(own, plan)
    assert {time.hour for time in own.times[np.concatenate([choosing, held])]} == {6}
    assert (len(choosing), len(held)) == (2, 3)
    assert held[-1] == last - 24


def test_a_backtest_longer_than_the_series_is_refused() -> None:
    plan = plan_of(backtest={"held_out": 2000})
    with pytest.raises(TrainingError, match="leave nothing to learn from"):
        past_origins(panel(demand(days=40), plan), plan)


def test_each_group_of_the_walk_is_fitted_before_its_first_forecast(series: Panel) -> None:
    seen: list[int] = []

    class Watching:
        def fit(self, own: Panel, horizon: int) -> Watching:
            seen.append(own.end)
            assert np.isnan(own.values[:, own.end :]).all()
            return self

        def predict(self, own: Panel, origins: Any, horizon: int) -> Any:
            return np.zeros((len(origins), len(own.series), horizon))

    origins = np.arange(series.end - 240, series.end, 24)
    assert walk(Watching, series, origins, 24, 4).shape == (10, 2, 24)
    assert seen == [int(origins[0]), int(origins[4]), int(origins[8])]
