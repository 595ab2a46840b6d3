"""What a version costs whoever serves it: the time for one answer in the form that gives it, and the size of its file.

An answer is that to one row; of a forecast it is the next forecast of all its series, with their intervals.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from millrace.stores.base import ModelVersion
from millrace.strict import StrictModel

if TYPE_CHECKING:
    import pandas as pd

    from millrace.compiled.form import CompiledForm
    from millrace.forecasting.model import ForecastModel
    from millrace.forecasting.panel import Panel

LATENCY_TAG, SIZE_TAG = "millrace.latency_ms", "millrace.size_bytes"
WARM_UPS, MOST_CALLS, MOST_SECONDS = 3, 200, 0.5


class ServedForm(StrictModel):
    """Measured when the version was registered; None for a version from before that was done."""

    latency_ms: float | None = None
    size_bytes: int | None = None

    def tags(self) -> dict[str, str]:
        """The figures as tags of the version."""
        return {LATENCY_TAG: f"{self.latency_ms:.4g}", SIZE_TAG: str(self.size_bytes)}

    @classmethod
    def of(cls, version: ModelVersion) -> ServedForm:
        """The figures in a version's tags."""
        latency, size = version.tags.get(LATENCY_TAG), version.tags.get(SIZE_TAG)
        return cls(latency_ms=float(latency) if latency else None, size_bytes=int(size) if size else None)


def measured(pipeline: Any, content: bytes, compiled: CompiledForm, example: pd.DataFrame) -> ServedForm:
    """Ask for one row again and again: the compiled form where there is one, else scikit-learn."""
    ask = _compiled(pipeline, compiled, example.head(1)) or (lambda: pipeline.predict(example.head(1)))
    served = content if compiled.content is None else compiled.content
    return ServedForm(latency_ms=1000 * _median_seconds(ask), size_bytes=len(served))


def forecast_measured(model: ForecastModel, content: bytes, panel: Panel, origin: int) -> ServedForm:
    """Make the forecast from the origin again and again."""
    import numpy as np

    return ServedForm(
        latency_ms=1000 * _median_seconds(lambda: model.forecast(panel, np.array([origin]))), size_bytes=len(content)
    )


def _compiled(pipeline: Any, compiled: CompiledForm, row: pd.DataFrame) -> Callable[[], Any] | None:
    from millrace.compiled.form import opened
    from millrace.features.columns import columns_from_frame

    if compiled.content is None:
        return None
    model = opened(compiled.content, compiled.report, pipeline[0])
    columns = columns_from_frame(row, pipeline[0].inputs_)
    return lambda: model.answer(columns)


def _median_seconds(ask: Callable[[], Any]) -> float:
    for _ in range(WARM_UPS):
        ask()
    taken: list[float] = []
    ends = time.perf_counter() + MOST_SECONDS
    while len(taken) < MOST_CALLS and (not taken or time.perf_counter() < ends):
        started = time.perf_counter()
        ask()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)
