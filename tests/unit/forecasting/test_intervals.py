"""Intervals: right in the long run, adapting, and blind to what came later. Scores against plain formulas."""

from __future__ import annotations

import numpy as np
import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st

from millrace.forecasting.intervals import bands
from millrace.forecasting.plan import Intervals
from millrace.forecasting.scores import forecast_sums


def course(rows: int = 300, seed: int = 1, series: int = 2) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    origins = 24 * np.arange(1, rows + 1)
    forecasts = np.full((rows, series, 24), 100.0)
    growth = np.linspace(1, 3, 24)[None, None, :] * np.array([1.0, 10.0][:series])[None, :, None]
    return origins, forecasts, forecasts + growth * rng.standard_normal(forecasts.shape)


@pytest.mark.parametrize("level", [0.8, 0.9, 0.95])
def test_the_share_within_is_the_level(level: float) -> None:
    origins, forecasts, truth = course()
    low, high = bands(origins, forecasts, truth, Intervals(level=level))
    inside = ((truth >= low) & (truth <= high))[60:]
    assert abs(inside.mean() - level) < 0.015
    widths = (high - low)[60:].mean(axis=0)
    assert (widths[1] > 5 * widths[0]).all()  # each series by its own errors
    assert (widths[:, -1] > 1.8 * widths[:, 0]).all()  # and each step ahead


def test_a_rougher_time_widens_the_intervals_until_they_hold_again() -> None:
    origins, forecasts, truth = course(series=1)
    truth[150:] = 100 + 3 * (truth[150:] - 100)
    inside = {}
    for step in (0.0, 0.05):
        low, high = bands(origins, forecasts, truth, Intervals(step=step, window=84))
        inside[step] = ((truth >= low) & (truth <= high))[155:190].mean()
    assert inside[0.05] > inside[0.0] + 0.05


@examples(25)
@given(st.integers(20, 60), st.sampled_from([24, 48]), st.sampled_from(["absolute", "relative"]))
def test_no_interval_looks_behind_its_origin(row: int, every: int, scale: str) -> None:
    origins, forecasts, truth = course(rows=64)
    origins = every // 24 * origins
    rules = Intervals(scale=scale, window=28)
    before = bands(origins, forecasts, truth, rules)
    changed = truth.copy()
    steps = origins[:, None] + np.arange(24)[None, :]
    changed[(steps >= origins[row])[:, None, :].repeat(2, axis=1)] = 1e6
    after = bands(origins, forecasts, changed, rules)
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one[: row + 1], other[: row + 1])


def test_overlapping_forecasts_are_judged_when_they_are_complete() -> None:
    """A forecast of a week made each day: its late steps are not known for six days more."""
    rng = np.random.default_rng(0)
    origins = np.arange(0, 200 * 24, 24)
    series = 100 + rng.standard_normal(300 * 24)
    truth = series[origins[:, None] + np.arange(168)][:, None, :]
    low, high = bands(origins, np.full(truth.shape, 100.0), truth, Intervals())
    assert abs(((truth >= low) & (truth <= high))[40:].mean() - 0.9) < 0.03


def test_short_series_share_their_errors_by_percentage() -> None:
    rng = np.random.default_rng(2)
    level = np.geomspace(1, 1000, 40)
    forecasts = np.broadcast_to(level[None, :, None], (6, 40, 3)).copy()
    truth = forecasts * (1 + 0.1 * rng.standard_normal(forecasts.shape))
    low, high = bands(np.arange(6), forecasts, truth, Intervals(scale="relative", step=0))
    assert np.isnan(low[0]).all()
    np.testing.assert_allclose((high - low)[5, 0] / level[0], (high - low)[5, -1] / level[-1])
    assert abs(((truth >= low) & (truth <= high))[2:].mean() - 0.9) < 0.06


def test_scores_are_the_plain_formulas() -> None:
    rng = np.random.default_rng(4)
    value, scale = rng.uniform(5, 9, 50), rng.uniform(1, 2, 50)
    forecast = value + rng.normal(0, 1, 50)
    given = np.column_stack([forecast, forecast - 1, forecast + 1])
    got = {name: v[0] for name, v in forecast_sums(np.column_stack([value, scale]), given)(np.ones((1, 50))).items()}
    error = np.abs(value - forecast)
    assert got["mae"] == pytest.approx(error.mean())
    assert got["rmse"] == pytest.approx(np.sqrt((error**2).mean()))
    assert got["mape"] == pytest.approx((error / value).mean())
    assert got["smape"] == pytest.approx((2 * error / (value + forecast)).mean())
    assert got["mase"] == pytest.approx((error / scale).mean())
    assert got["coverage"] == pytest.approx((error <= 1).mean())
    assert got["interval_width"] == pytest.approx(2)
    twice = forecast_sums(np.column_stack([value, scale]), given)(np.full((1, 50), 2.0))
    assert twice["rmse"][0] == pytest.approx(got["rmse"])


def test_a_percentage_of_zero_and_coverage_without_bounds_are_not_told() -> None:
    truth = np.array([[0.0, np.nan], [2.0, 4.0]])
    given = np.array([[0.0, np.nan, 1], [1.0, 0, 2]])
    scored = forecast_sums(truth, given)(np.ones((1, 2)))
    assert set(scored) == {"rmse", "mae", "smape", "mase"}
    assert scored["mase"].tolist() == [0.25]  # of the row that has a scale
