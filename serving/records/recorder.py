"""Notes each prediction where it must be known: in the metrics and in the prediction log."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from serving.logs import current_scope, request_id, user_of
from serving.metrics import Metrics
from serving.records.entry import Entry, packed
from serving.records.prediction_log import PredictionLog
from serving.request_key import given_key

if TYPE_CHECKING:
    import numpy.typing as npt

CHAMPION = "champion"


class Recorder:
    """Called once for each request that was predicted, with its columns and its predictions."""

    def __init__(self, log: PredictionLog, metrics: Metrics) -> None:
        self._log = log
        self._metrics = metrics

    def note(self, name: str, version: str, columns: dict[str, npt.NDArray[Any]], values: list[Any], seconds: float,
             variant: str = CHAMPION) -> None:  # fmt: skip
        """Note the predictions of one request. Never raises, never waits."""
        self._metrics.note_prediction(name, variant, len(values), seconds)
        scope = current_scope.get()
        self._log.submit(
            Entry(
                name,
                version,
                variant,
                time.time(),
                [request_id.get()],
                [user_of(scope) or "anonymous"],
                [given_key()],
                [seconds * 1000],
                packed(columns, name, self._log.mask),
                values,
            )
        )
