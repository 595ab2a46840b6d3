"""Adaptive conformal intervals: as wide as the errors of the last forecasts say, wider after misses.

The errors of a window of past forecasts, each on the scale of its step ahead, give one lower and one upper quantile;
which quantiles follows the misses (Gibbs and Candes): after forecasts with too many the interval grows, after ones
with too few it shrinks. No interval looks at an error that was not yet known at its origin.
"""

from __future__ import annotations

import numpy as np

from millrace.forecasting.panel import Array
from millrace.forecasting.plan import Intervals

NEIGHBOURS = 2
"""The scale of a step ahead is the mean over so many steps to either side: single steps have few errors."""
LEAST_ERRORS = 20
MISS_BOUNDS = (0.001, 0.5)


def bands(origins: Array, forecasts: Array, truth: Array, rules: Intervals) -> tuple[Array, Array]:
    """The lower and the upper end of each forecast (origins x series x horizon, origins in their order).

    NaN where fewer than 20 errors are known. An error counts once its whole forecast lies in the past.
    """
    unit = np.ones_like(forecasts) if rules.scale == "absolute" else _size(forecasts)
    errors = (truth - forecasts) / unit
    low, high = np.full(errors.shape, np.nan), np.full(errors.shape, np.nan)
    miss = np.full(errors.shape[1], 1 - rules.level)
    counted, horizon = 0, errors.shape[2]
    for row, origin in enumerate(origins):
        complete = int(np.searchsorted(origins, origin - horizon, side="right"))
        for past in range(counted, complete):
            miss = _adapted(miss, errors[past], (low[past], high[past]), rules)
        counted = max(counted, complete)
        low[row], high[row] = _ends(_window(errors, complete, origins, origin, rules), miss, rules)
    return forecasts + low * unit, forecasts + high * unit


def _size(forecasts: Array) -> Array:
    return np.maximum(np.abs(forecasts), np.finfo(float).eps)


def _window(errors: Array, complete: int, origins: Array, origin: int, rules: Intervals) -> Array:
    """The errors that are known at the origin, of the last forecasts; of unfinished ones the steps that have passed."""
    begun = int(np.searchsorted(origins, origin, side="left"))
    window = errors[max(0, begun - rules.window) : begun].copy()
    first = begun - len(window)
    for row in range(complete - first, len(window)):
        window[row, :, max(0, int(origin - origins[first + row])) :] = np.nan
    return window


def _adapted(miss: Array, errors: Array, ends: tuple[Array, Array], rules: Intervals) -> Array:
    """The share of misses that the next quantiles allow, after one more forecast is complete."""
    known = np.isfinite(errors) & np.isfinite(ends[0])
    missed = known & ((errors < ends[0]) | (errors > ends[1]))
    counts, hits = known.sum(axis=1), missed.sum(axis=1)
    if rules.scale == "relative":  # all series share one width
        counts, hits = np.full_like(counts, counts.sum()), np.full_like(hits, hits.sum())
    moved = miss + rules.step * (1 - rules.level - hits / np.maximum(counts, 1))
    return np.where(counts > 0, np.clip(moved, *MISS_BOUNDS), miss)


def _ends(window: Array, miss: Array, rules: Intervals) -> tuple[Array, Array]:
    """The quantiles of the errors, for each series and step."""
    series, horizon = window.shape[1], window.shape[2]
    low, high = np.full((series, horizon), np.nan), np.full((series, horizon), np.nan)
    shared = rules.scale == "relative"
    for place in range(1 if shared else series):
        errors = window.reshape(-1, horizon) if shared else window[:, place]
        scale = _scale(errors)
        known = (errors / scale)[np.isfinite(errors)]
        if len(known) < LEAST_ERRORS:
            continue
        wanted = slice(None) if shared else place
        lower, upper = np.quantile(known, [miss[place] / 2, 1 - miss[place] / 2])
        low[wanted], high[wanted] = lower * scale, upper * scale
    return low, high


def _scale(errors: Array) -> Array:
    """The mean size of the errors at each step ahead; a step without one takes the scale of the step before."""
    known = np.isfinite(errors)
    counts = known.sum(axis=0)
    sums = np.where(known, np.abs(errors), 0.0).sum(axis=0)
    if not counts.any():
        return np.ones(len(counts))
    wide = _spread(counts)
    scale = _spread(sums) / np.maximum(wide, 1)
    last = np.maximum.accumulate(np.where(wide > 0, np.arange(len(scale)), 0))
    return np.maximum(scale[last], np.finfo(float).tiny)


def _spread(values: Array) -> Array:
    """The sum over each step and its neighbours."""
    return np.convolve(values, np.ones(2 * NEIGHBOURS + 1))[NEIGHBOURS:-NEIGHBOURS]
