"""Synthetic: shapes of buildings with heating (Y1) and cooling (Y2) loads, columns as in UCI Energy Efficiency."""

from __future__ import annotations

import numpy as np
import pandas as pd

_COMPACTNESS = np.array([0.98, 0.9, 0.86, 0.82, 0.79, 0.76, 0.74, 0.71, 0.69, 0.66, 0.64, 0.62])
_SURFACE = np.array([514.5, 563.5, 588.0, 612.5, 637.0, 661.5, 686.0, 710.5, 735.0, 759.5, 784.0, 808.5])
_WALL = np.array([294.0, 318.5, 294.0, 318.5, 343.0, 416.5, 245.0, 269.5, 294.0, 318.5, 343.0, 367.5])


def block(rng: np.random.Generator, first: int, rows: int) -> pd.DataFrame:
    """The rows from `first` on: tall and compact buildings, glass, and orientation."""
    shape = (np.arange(first, first + rows) // 4) % 12
    tall = shape < 6
    glass = rng.choice([0.0, 0.1, 0.25, 0.4], rows)
    orientation = np.arange(first, first + rows) % 4 + 2
    heating = 9 + 14 * tall + 22 * glass + 0.018 * (_WALL[shape] - 318) + 12 * (_COMPACTNESS[shape] - 0.76) * tall
    cooling = heating * 0.95 + 4 + 0.5 * (orientation % 2) * glass * 4
    return pd.DataFrame(
        {
            "X1": _COMPACTNESS[shape],
            "X2": _SURFACE[shape],
            "X3": _WALL[shape],
            "X4": (_SURFACE[shape] - _WALL[shape]) / 2,
            "X5": np.where(tall, 7.0, 3.5),
            "X6": orientation,
            "X7": glass,
            "X8": np.where(glass > 0, rng.integers(1, 6, rows), 0),
            "Y1": np.round(heating + 0.5 * rng.standard_normal(rows), 2),
            "Y2": np.round(cooling + 1.1 * rng.standard_normal(rows), 2),
        }
    )
