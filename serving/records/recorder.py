"""Notes each prediction where it must be known: in the metrics and in the prediction log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from serving.logs import current_scope, request_id, user_of
from serving.metrics import Metrics
from serving.records.entry import entry_of
from serving.records.prediction_log import PredictionLog

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
        if not self._log.wants():
            return
        scope = current_scope.get()
        about = {
            "request_id": request_id.get(),
            "model": name,
            "version": version,
            "variant": variant,
            "key": _key(scope),
            "caller": user_of(scope) or "anonymous",
            "latency_ms": seconds * 1000,
        }
        self._log.submit(entry_of(columns, values, about))


def _key(scope: Any) -> str | None:
    headers = scope["headers"] if scope is not None else ()
    found = next((value for name, value in headers if name == b"x-millrace-key"), None)
    return found.decode("latin-1")[:200] if found is not None else None
