"""Probabilities that mean what they say: a temperature and an offset for each class, fitted to predictions on folds.

For two classes this is Platt's scaling. It keeps the ranking within a class, needs a few numbers only, and has an exact
compiled form.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from millrace.estimators.blended import mended

Array = npt.NDArray[Any]
PRIOR = 1e-3
"""A light pull towards leaving the probabilities as they are."""


@dataclass(frozen=True)
class Calibration:
    """Parameters of `mended`."""

    scale: float
    bias: tuple[float, ...]

    def applied(self, shares: Array) -> Array:
        """The mended probabilities."""
        return np.asarray(mended(shares, self.scale, self.bias))


def calibrate(shares: Array, actual: Array) -> Calibration:
    """The parameters of least log loss; `actual` has a 1 in each row's class."""
    from scipy.optimize import minimize

    def loss(parameters: Array) -> float:
        return log_loss(mended(shares, np.exp(parameters[0]), parameters[1:]), actual) + PRIOR * float(
            parameters @ parameters
        )

    found = minimize(loss, np.zeros(1 + shares.shape[1]), method="L-BFGS-B").x
    return Calibration(float(np.exp(found[0])), tuple(float(value) for value in found[1:] - found[1:].mean()))


def log_loss(shares: Array, actual: Array) -> float:
    """The mean of minus the logarithm of the right class's probability."""
    right = np.clip((shares * actual).sum(axis=1), np.finfo("float64").eps, 1.0)
    return float(-np.log(right).mean())


def brier(shares: Array, actual: Array) -> float:
    """The mean squared distance of the probabilities from the truth, over all classes."""
    return float(((shares - actual) ** 2).sum(axis=1).mean())
