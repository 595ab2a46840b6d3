"""The predictions of a window as tables: what the model was asked, and what it answered."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from millrace.stages.monitoring.reference import ROWS, SEED, Reference

if TYPE_CHECKING:
    import pandas as pd

MASK = "***"
"""What the prediction log holds in place of a value that must not be kept."""


@dataclass(frozen=True)
class Live:
    """The predictions of one version in one window; `count` is how many there were, of which a sample is held."""

    inputs: pd.DataFrame
    answers: pd.DataFrame
    asked: pd.Series
    count: int
    masked: list[str]


def live_table(rows: Iterable[dict[str, Any]], reference: Reference) -> Live:
    """The logged rows, of which at most as many are held as a reference has."""
    import pandas as pd

    sample, count = _sample(rows)
    sample.sort(key=lambda row: row["at"])
    inputs = pd.DataFrame([row["features"] for row in sample])
    masked = [str(name) for name in inputs.columns if bool((inputs[name] == MASK).any())]
    targets = list(reference.answers.columns)
    return Live(
        inputs=inputs.drop(columns=masked),
        answers=pd.DataFrame([_answer(row["output"], targets) for row in sample], columns=targets),
        asked=pd.to_datetime(pd.Series([row["at"] for row in sample], dtype="object"), utc=True),
        count=count,
        masked=masked,
    )


def span_of(live: Live, reference: Reference) -> pd.Timedelta:
    """How long the rows reach in their own time: by the inputs' times where the model is given one, else as asked."""
    import pandas as pd

    for name in reference.inputs.columns:
        if reference.inputs[name].dtype.kind == "M" and name in live.inputs.columns:
            times = pd.to_datetime(live.inputs[name], utc=True, errors="coerce").dropna()
            if len(times):
                return times.max() - times.min()
    return live.asked.max() - live.asked.min() if len(live.asked) else pd.Timedelta(0)


def _sample(rows: Iterable[dict[str, Any]]) -> tuple[list[dict[str, Any]], int]:
    """At most ROWS rows, each with the same chance, and how many there were (Vitter's reservoir)."""
    chosen: list[dict[str, Any]] = []
    chance, count = random.Random(SEED), 0  # noqa: S311 - no secret; a repeated check sees the same rows
    for count, row in enumerate(rows, start=1):
        if count <= ROWS:
            chosen.append(row)
        elif (place := chance.randrange(count)) < ROWS:
            chosen[place] = row
    return chosen, count


def _answer(output: Any, targets: list[str]) -> list[Any]:
    return [output.get(target) for target in targets] if isinstance(output, dict) else [output] * len(targets)
