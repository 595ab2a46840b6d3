"""Scales on which growth is straight: plain, by factors (log), or towards a cap (logit)."""

from __future__ import annotations

import numpy as np

from millrace.forecasting.panel import Array

EDGE = 1e-5
"""How near to 0 and to the cap a value may come, as a share of the cap; for log of the smallest positive value."""


def to_scale(values: Array, scale: str, cap: float | None) -> Array:
    """The values on the scale; missing ones stay missing."""
    if scale == "log":
        positive = values[values > 0]
        least = float(positive.min()) if len(positive) else 1.0
        return np.asarray(np.log(np.maximum(values, least * EDGE)))
    if scale == "logit" and cap is not None:
        share = np.clip(values / cap, EDGE, 1 - EDGE)
        return np.asarray(np.log(share / (1 - share)))
    return values


def from_scale(values: Array, scale: str, cap: float | None) -> Array:
    """The values as they were."""
    if scale == "log":
        return np.asarray(np.exp(values))
    if scale == "logit" and cap is not None:
        return np.asarray(cap / (1 + np.exp(-values)))
    return values
