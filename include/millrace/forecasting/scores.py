"""How good forecasts were: the field's metrics as functions of row weights, so that resamples cost one product."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from millrace.forecasting.panel import Array

TRUTH, SCALE = 0, 1
VALUE, LOWER, UPPER = 0, 1, 2


def forecast_sums(truth: Array, given: Array) -> Callable[[Array], dict[str, Array]]:
    """From row weights (resamples x rows) to each metric.

    `truth` has the columns value and scale (what MASE divides by), `given` value, lower and upper end. A percentage
    is told where no true value is zero, a scaled error over the rows that have a scale, coverage where all have bounds.
    """
    value, error = truth[:, TRUTH], given[:, VALUE] - truth[:, TRUTH]
    parts = {"mae": np.abs(error), "smape": 2 * np.abs(error) / _positive(np.abs(value) + np.abs(given[:, VALUE]))}
    if (value != 0).all():
        parts = {"mape": np.abs(error / value), **parts}
    if np.isfinite(given[:, [LOWER, UPPER]]).all():
        parts["coverage"] = ((value >= given[:, LOWER]) & (value <= given[:, UPPER])).astype(float)
        parts["interval_width"] = given[:, UPPER] - given[:, LOWER]
    scaled = np.isfinite(truth[:, SCALE])
    relative = np.abs(error[scaled]) / truth[scaled, SCALE]

    def score(weights: Array) -> dict[str, Array]:
        total = weights.sum(axis=1)
        scored = {"rmse": np.sqrt(weights @ error**2 / total)}
        scored |= {name: weights @ part / total for name, part in parts.items()}
        if scaled.any():
            scored["mase"] = weights[:, scaled] @ relative / np.maximum(weights[:, scaled].sum(axis=1), 1)
        return scored

    return score


def _positive(size: Array) -> Array:
    """A forecast of zero for a true zero is no error at all."""
    return np.where(size > 0, size, 1.0)
