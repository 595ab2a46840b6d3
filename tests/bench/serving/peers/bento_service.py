"""The forest behind BentoML with adaptive batching, as its documentation shows it."""

import os

import bentoml
import joblib
import numpy as np


@bentoml.service(workers=1)
class Forest:
    """One worker."""

    def __init__(self) -> None:
        self.model = joblib.load(os.environ["BENCH_FOREST"])

    @bentoml.api(batchable=True, max_batch_size=64, max_latency_ms=1_000)
    def predict(self, rows: np.ndarray) -> np.ndarray:
        """One number a row."""
        return self.model.predict(rows)
