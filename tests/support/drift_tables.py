"""Tables for the comparison of data: a reference, a later one, and one that has drifted."""

from __future__ import annotations

import numpy as np
import pandas as pd


def table(rows: int, seed: int, shift: float = 0.0) -> pd.DataFrame:
    """Eight numbers, whole numbers, texts of few and of many values, a flag; a tenth of one column is missing."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({f"n{i}": rng.normal(shift, 1, rows) for i in range(6)})
    frame["heavy"] = rng.pareto(1.5, rows) + shift
    frame["gaps"] = np.where(rng.random(rows) < 0.1, np.nan, rng.normal(shift, 1, rows))
    frame["count"] = rng.poisson(3 + 2 * shift, rows)
    frame["make"] = rng.choice(["a", "b", "c"], rows, p=[0.6, 0.3, 0.1] if not shift else [0.2, 0.2, 0.6])
    frame["name"] = [f"car {number}" for number in rng.zipf(1.3, rows) % 100_000]
    frame["flag"] = rng.random(rows) < 0.2 + 0.4 * bool(shift)
    return frame
