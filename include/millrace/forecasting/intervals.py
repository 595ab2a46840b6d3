"""Adaptive conformal intervals: as wide as the errors of the last forecasts say, wider after misses.

For each step ahead the width is a quantile of the errors of the forecasts that were complete at the origin. Which
quantile follows the misses: after a day with too many it grows, after one with too few it shrinks (Gibbs and Candes).
"""

from __future__ import annotations

import numpy as np

from millrace.forecasting.panel import Array
from millrace.forecasting.plan import Intervals


def interval_widths(origins: Array, forecasts: Array, truth: Array, rules: Intervals) -> Array:
    """Half the width about each forecast (origins x series x horizon); NaN where no error is known yet.

    An error counts once its whole forecast lies in the past: no width looks ahead of its origin.
    """
    scores = _scores(forecasts, truth, rules)
    widths = np.full(forecasts.shape, np.nan)
    miss = np.full(forecasts.shape[1], 1 - rules.level)
    counted = 0
    horizon = forecasts.shape[2]
    for row, origin in enumerate(origins):
        complete = int(np.searchsorted(origins, origin - horizon, side="right"))
        while counted < complete:
            miss = _adapted(miss, scores[counted], widths[counted], rules)
            counted += 1
        window = scores[max(0, complete - rules.window) : complete]
        if len(window):
            widths[row] = _quantiles(window, miss, rules)
    return widths * _unit(forecasts, rules)


def _scores(forecasts: Array, truth: Array, rules: Intervals) -> Array:
    """The errors; by percentage where the rules say so."""
    scores: Array = np.abs(truth - forecasts) / _unit(forecasts, rules)
    return scores


def _unit(forecasts: Array, rules: Intervals) -> Array:
    if rules.scale == "absolute":
        return np.ones_like(forecasts)
    return np.maximum(np.abs(forecasts), np.finfo(float).eps)


def _adapted(miss: Array, scores: Array, widths: Array, rules: Intervals) -> Array:
    known = np.isfinite(scores) & np.isfinite(widths)
    counts = known.sum(axis=1)
    missed = (known & (scores > widths)).sum(axis=1) / np.maximum(counts, 1)
    moved = miss + rules.step * (1 - rules.level - missed)
    return np.where(counts > 0, np.clip(moved, 0.001, 0.5), miss)


def _quantiles(window: Array, miss: Array, rules: Intervals) -> Array:
    if rules.scale == "relative":  # all series share their errors
        pooled = np.broadcast_to(_pooled(window), (len(window) * window.shape[1], *window.shape[1:]))
        window = pooled
    return np.stack([_quantile(window[:, place], float(miss[place])) for place in range(window.shape[1])])


def _pooled(window: Array) -> Array:
    return window.reshape(-1, 1, window.shape[2])


def _quantile(scores: Array, miss: float) -> Array:
    """The conformal quantile of each step (rows are forecasts): a little beyond the plain one, as few errors ask."""
    out = np.full(scores.shape[1], np.nan)
    for step in range(scores.shape[1]):
        known = np.sort(scores[np.isfinite(scores[:, step]), step])
        if len(known):
            rank = min(1.0, (1 - miss) * (len(known) + 1) / len(known))
            out[step] = np.quantile(known, rank, method="linear")
    return out
