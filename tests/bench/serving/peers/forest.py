"""Fits the forest of `fixture.py` with whatever scikit-learn stands here, and keeps it: `python forest.py FILE`."""

import sys

import joblib
import numpy as np
from sklearn.ensemble import RandomForestRegressor

FIELDS, ROWS = 12, 4_000


def fitted():
    """The same data, the same trees: 100 of depth 15."""
    inputs = np.random.default_rng(1).normal(size=(ROWS, FIELDS))
    truth = inputs[:, 0] * inputs[:, 1] + np.sin(3 * inputs[:, 2]) + inputs[:, 3]
    return RandomForestRegressor(100, max_depth=15, random_state=0).fit(inputs, truth)


if __name__ == "__main__":
    joblib.dump(fitted(), sys.argv[1])
