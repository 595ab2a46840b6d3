"""Synthetic: laboratory values and quality of white wines, with the columns of UCI Wine Quality."""

from __future__ import annotations

import numpy as np
import pandas as pd


def block(rng: np.random.Generator, first: int, rows: int) -> pd.DataFrame:
    """The rows from `first` on; quality follows alcohol, volatile acidity and sulphur, with much noise."""
    del first
    noise = rng.standard_normal((11, rows))
    sugar = np.exp(1.4 + 0.9 * noise[0])
    alcohol = np.clip(10.5 - 0.25 * (sugar - 6) / 5 + 1.1 * noise[1], 8, 14.2)
    volatile = np.clip(0.28 + 0.09 * noise[2], 0.08, 1.1)
    free = np.clip(35 + 16 * noise[3], 2, 130)
    score = 5.9 + 0.38 * (alcohol - 10.5) - 2.2 * (volatile - 0.28) + 0.006 * (free - 35) + 0.6 * noise[4]
    columns = {
        "fixed acidity": 6.85 + 0.84 * noise[5],
        "volatile acidity": volatile,
        "citric acid": np.clip(0.33 + 0.12 * noise[6], 0, 1.6),
        "residual sugar": np.clip(sugar, 0.6, 65),
        "chlorides": np.exp(-3.12 + 0.3 * noise[7]),
        "free sulfur dioxide": np.round(free),
        "total sulfur dioxide": np.round(np.clip(free * 2 + 65 + 25 * noise[8], 9, 440)),
        "density": 0.9965 + 0.0004 * sugar - 0.0011 * (alcohol - 8) + 0.0004 * noise[9],
        "pH": 3.19 + 0.15 * noise[10] - 0.05 * noise[5],
        "sulphates": np.exp(-0.75 + 0.22 * noise[8]),
        "alcohol": alcohol,
    }
    digits = {"density": 5, "chlorides": 3, "volatile acidity": 3}
    rounded = {name: np.round(values, digits.get(name, 2)) for name, values in columns.items()}
    return pd.DataFrame({**rounded, "quality": np.clip(np.round(score), 3, 9).astype(np.int64)})
