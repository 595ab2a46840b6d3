"""Which forecasters `candidates: auto` tries on a panel, with which options first and within which ranges.

The choice goes by what is known before the first forecast that chooses: length, series, steps of a day, horizon. What
would take too long, or has too little to learn from, is left out. What is tried first has mostly been the best.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from millrace.forecasting.base import ForecastCandidate
from millrace.forecasting.candidates import MEMBERS
from millrace.forecasting.day_vectors import MIN_DAYS
from millrace.forecasting.panel import Array, Panel
from millrace.forecasting.plan import ForecastPlan

MOST_SMOOTHED = 1_500
"""Series times origins for exponential smoothing, which fits each of them anew."""
MOST_SMOOTHED_STEPS = 800
MOST_NETWORK_DAYS = 40_000
"""Days of all series together, of which a network learns in seconds."""
MOST_TREE_VALUES, MOST_LINEAR_VALUES = 1_000_000, 4_000_000
MANY_SERIES = 5
"""So many series tell how the others grow."""
ONE_AFTER_ANOTHER = 14
"""Lags of steps that are days or longer: so many neighbouring ones, and the season."""


@dataclass(frozen=True)
class Shape:
    """What is known of the series when the first of the choosing forecasts is made."""

    steps: int
    series: int
    origins: int
    horizon: int
    season: int
    day: int | None = None
    cap: float | None = None
    """What no value exceeds, where the plan says so and all values are above zero."""

    @property
    def days(self) -> int:
        """Whole days that a model of days can learn from, a week before them set aside."""
        return max(0, self.steps // self.day - 7) if self.day else 0

    def lags(self) -> list[int]:
        """The steps back that are worth looking at, as far as the series reach."""
        if self.day:
            wanted = {1, 2, 3, self.day - 1, self.day, self.day + 1, 2 * self.day, 7 * self.day}
        else:
            wanted = {*range(1, min(self.season, ONE_AFTER_ANOTHER) + 1), 2, self.season}
        return sorted(lag for lag in wanted if 0 < lag <= max(1, self.steps // 4))


@dataclass(frozen=True)
class Offer:
    """A forecaster for series of some shapes: what is written of it, what is tried first, what is searched."""

    label: str
    written: Callable[[Shape], dict[str, Any]]
    suits: Callable[[Shape], bool] = lambda shape: True
    search: dict[str, list[Any] | dict[str, list[Any]]] = field(default_factory=dict)
    starts: tuple[dict[str, Any], ...] = ()

    def candidate(self, shape: Shape) -> ForecastCandidate:
        """The candidate for this shape."""
        written = {**self.written(shape), "name": self.label, "search": self.search}
        return MEMBERS[written["estimator"]].model_validate(written)


def _has_long_steps(shape: Shape) -> bool:
    return shape.day is None


def _can_be_smoothed(shape: Shape) -> bool:
    return shape.series * shape.origins <= MOST_SMOOTHED and shape.steps <= MOST_SMOOTHED_STEPS and shape.day is None


def _has_seasons(shape: Shape) -> bool:
    return _can_be_smoothed(shape) and 1 < shape.season <= shape.steps // 2


def _grows_together(shape: Shape) -> bool:
    return shape.day is None and shape.series >= MANY_SERIES


def _has_days(shape: Shape) -> bool:
    return shape.days >= MIN_DAYS


def _fits_a_network(shape: Shape) -> bool:
    return shape.days >= 4 * MIN_DAYS and shape.days * shape.series <= MOST_NETWORK_DAYS


def _has_rows_for_trees(shape: Shape) -> bool:
    return 200 <= shape.steps * shape.series <= MOST_TREE_VALUES


def _smoothing(**options: Any) -> Callable[[Shape], dict[str, Any]]:
    return lambda shape: {"estimator": "exponential_smoothing", **options}


def _lagged(regressor: str, **params: Any) -> Callable[[Shape], dict[str, Any]]:
    return lambda shape: {
        "estimator": "lag_regression",
        "lags": shape.lags(),
        "means": {1: shape.season} if 1 < shape.season <= shape.steps // 4 else {},
        "regressor": {"estimator": regressor, "params": params},
    }


def _days(regressor: str, **params: Any) -> Callable[[Shape], dict[str, Any]]:
    return lambda shape: {"estimator": "day_vector", "regressor": {"estimator": regressor, "params": params}}


def _capped(name: str) -> Callable[[Shape], dict[str, Any]]:
    return lambda shape: {"estimator": name, "scale": "logit", "cap": shape.cap}


_DAYS: list[Any] = [[1, 2, 3, 7], [1, 2, 7], [1, 2, 3, 4, 5, 6, 7], [1, 2, 3, 7, 14]]
_TRENDS: list[Any] = ["damped", "linear", "none"]
OFFERS: tuple[Offer, ...] = (
    Offer("seasonal_naive", lambda shape: {"estimator": "seasonal_naive"}),
    Offer("drift", lambda shape: {"estimator": "drift"}, _has_long_steps),
    Offer(
        "shared_growth",
        lambda shape: {"estimator": "shared_growth", "scale": "plain"},
        _grows_together,
        {"scale": {"choices": ["plain", "log"]}},
        ({"scale": "log"}, {"scale": "plain"}),
    ),
    Offer("shared_growth_capped", _capped("shared_growth"), lambda shape: bool(shape.cap) and _grows_together(shape)),
    Offer(
        "lear",
        _days("ridge"),
        _has_days,
        {"alpha": [0.1, 300.0], "days": {"choices": _DAYS}, "history": {"choices": [None, 1460, 730, 365]}},
        ({"alpha": 3.0, "days": _DAYS[0], "history": None},),
    ),
    Offer(
        "network",
        _days("mlp"),
        _fits_a_network,
        {
            "alpha": [0.1, 10.0],
            "max_iter": [40, 200],
            "hidden_layer_sizes": {"choices": [[64], [32], [128], [64, 32]]},
            "days": {"choices": _DAYS},
        },
        ({"alpha": 1.0, "max_iter": 120, "hidden_layer_sizes": [64], "days": _DAYS[0]},),
    ),
    Offer(
        "smoothing",
        _smoothing(),
        _can_be_smoothed,
        {"trend": {"choices": _TRENDS}, "scale": {"choices": ["plain", "log"]}},
        ({"trend": "damped", "scale": "plain"}, {"trend": "linear", "scale": "log"}),
    ),
    Offer(
        "seasonal_smoothing",
        _smoothing(seasonal=True),
        _has_seasons,
        {"trend": {"choices": _TRENDS}, "scale": {"choices": ["plain", "log"]}},
        ({"trend": "damped", "scale": "plain"},),
    ),
    Offer(
        "smoothing_capped",
        _capped("exponential_smoothing"),
        lambda shape: bool(shape.cap) and _can_be_smoothed(shape),
        {"trend": {"choices": _TRENDS}},
        ({"trend": "damped"},),
    ),
    Offer(
        "linear_lags",
        _lagged("ridge"),
        lambda shape: 30 <= shape.steps * shape.series <= MOST_LINEAR_VALUES,
        {"alpha": [0.01, 1000.0]},
        ({"alpha": 1.0},),
    ),
    Offer(
        "tree_lags",
        _lagged("hist_gradient_boosting"),
        _has_rows_for_trees,
        {
            "learning_rate": [0.02, 0.2],
            "max_iter": [60, 600],
            "max_leaf_nodes": [6, 63],
            "min_samples_leaf": [5, 60],
            "l2_regularization": [0.001, 30.0],
        },
        ({"learning_rate": 0.08, "max_iter": 200, "max_leaf_nodes": 31, "min_samples_leaf": 20},),
    ),
)


def shape_of(panel: Panel, plan: ForecastPlan, choosing: Array) -> Shape:
    """The shape of a panel; `choosing` are the origins that choose."""
    import numpy as np

    begun = panel.values[:, : int(choosing[0])]
    low = plan.bounds.min
    positive = (low is not None and low >= 0) or not (begun[np.isfinite(begun)] < 0).any()
    return Shape(
        steps=int(choosing[0]),
        series=len(panel.series),
        origins=len(choosing),
        horizon=plan.horizon,
        season=panel.season,
        day=panel.day_steps,
        cap=plan.bounds.max if positive and plan.bounds.max and plan.bounds.max > 0 else None,
    )


def portfolio(shape: Shape) -> list[tuple[ForecastCandidate, tuple[dict[str, Any], ...]]]:
    """The candidates for a shape, each with the options to try first."""
    return [(offer.candidate(shape), offer.starts) for offer in OFFERS if offer.suits(shape)]
