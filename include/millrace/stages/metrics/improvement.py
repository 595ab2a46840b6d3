"""By how much one model is better than another, and how sure that is: a paired bootstrap over the same rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from millrace.spec.models import PipelineSpec
from millrace.strict import StrictModel


class Improvement(StrictModel):
    """The gain of a challenger over the champion in one metric, above 0 where it is the better one."""

    metric: str
    value: float
    low: float
    high: float
    confidence: float
    resamples: int

    def __str__(self) -> str:
        return f"improvement {self.value:.3g} ({self.confidence:.0%} interval {self.low:.3g} to {self.high:.3g})"


def improvement(spec: PipelineSpec, challenger: Any, champion: Any, values: tuple[float, float]) -> Improvement | None:
    """From the deciding metric on the same resamples, and on the rows themselves; None without resamples."""
    if challenger is None or champion is None:
        return None
    sign = 1 if spec.greater_is_better else -1
    gains = sign * (np.asarray(challenger) - np.asarray(champion))
    confidence = spec.promotion.confidence
    beyond = 100 * (1 - confidence) / 2
    low, high = np.nanpercentile(gains, [beyond, 100 - beyond])
    return Improvement(
        metric=spec.metric,
        value=sign * (values[0] - values[1]),
        low=float(low),
        high=float(high),
        confidence=confidence,
        resamples=len(gains),
    )
