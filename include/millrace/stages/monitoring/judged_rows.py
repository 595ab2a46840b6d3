"""Live predictions whose truth is known, as arrays that a model can be scored on like held-out rows."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from millrace.spec.models import PipelineSpec
from millrace.stages.metrics.scoring import Answer

Array: TypeAlias = "npt.NDArray[Any]"
MOST_ROWS = 50_000


@dataclass(frozen=True)
class JudgedRows:
    """Rows in the order of time. `unusable` counts those whose truth has not the form of a prediction."""

    truth: Array
    answer: Answer
    features: list[dict[str, Any]]
    unusable: int = 0

    def __len__(self) -> int:
        return len(self.truth)


def judged_rows(spec: PipelineSpec, found: Iterable[dict[str, Any]]) -> JudgedRows:
    """The last rows of `PredictionStore.judged`, at most 50,000 of them."""
    newest = deque(found, maxlen=MOST_ROWS)
    read = [(row["at"], _value(spec, row["truth"]), _value(spec, row["output"]), row["features"]) for row in newest]
    usable = sorted((one for one in read if one[1] is not None and one[2] is not None), key=lambda one: one[0])
    truths, outputs = [one[1] for one in usable], [one[2] for one in usable]
    kind = object if spec.task == "classification" else "float64"
    return JudgedRows(
        truth=np.array(truths, dtype=kind),
        answer=Answer(np.array(outputs, dtype=kind)),
        features=[one[3] for one in usable],
        unusable=len(read) - len(usable),
    )


def label_of(value: Any) -> str:
    """A class as its text: JSON's `true` and `1.0` are the model's True and 1."""
    if isinstance(value, bool | np.bool_):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _value(spec: PipelineSpec, written: Any) -> Any:
    """A truth or an answer as a label, a number, or numbers in the order of the targets; None where it is none."""
    if spec.task == "classification":
        return None if isinstance(written, dict) or written is None else label_of(written)
    if len(spec.targets) > 1:
        if not isinstance(written, dict) or not set(spec.targets) <= set(written):
            return None
        numbers = [_number(written[target]) for target in spec.targets]
        return None if None in numbers else numbers
    return _number(written.get(spec.targets[0]) if isinstance(written, dict) else written)


def _number(written: Any) -> float | None:
    if isinstance(written, bool) or not isinstance(written, int | float):
        return None
    return float(written) if np.isfinite(written) else None
