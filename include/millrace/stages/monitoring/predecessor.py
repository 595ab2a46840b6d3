"""Compares a champion with the one before it on the same live rows: would going back help?"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from millrace.errors import MillraceError
from millrace.spec.models import PipelineSpec
from millrace.stages.metrics.scoring import Answer, block_rows, bootstrap, interval, metrics
from millrace.stages.monitoring.judged_rows import JudgedRows, label_of
from millrace.stores.base import ModelRegistry, ModelVersion, RunStore
from millrace.stores.champions import before


@dataclass(frozen=True)
class Predecessor:
    """The champion before: its metric on the live rows, or on its own held-out rows where it cannot be asked."""

    version: str
    is_better: bool
    reason: str
    value: float | None = None
    gain: list[float] | None = None
    """95 % interval of what going back would gain."""

    def as_document(self) -> dict[str, Any]:
        """The comparison as JSON."""
        return asdict(self)


def compared(
    spec: PipelineSpec, registry: ModelRegistry, runs: RunStore, champion: str, rows: JudgedRows, metric: str
) -> Predecessor | None:
    """The champion before `champion` on these rows; None where there was none."""
    past = before(registry.champions(spec.name), champion)
    version = next((known for known in registry.versions(spec.name) if known.version == past), None)
    if version is None:
        return None
    try:
        answer = _asked(spec, registry.load(version), rows)
    except MillraceError as error:
        if error.retryable:
            raise
        return _by_held_out(spec, runs, version, rows, metric)
    except (ValueError, TypeError):  # the recorded rows lack what it wants: masked, or other columns
        return _by_held_out(spec, runs, version, rows, metric)
    return _on_the_same_rows(spec, version.version, answer, rows, metric)


def _asked(spec: PipelineSpec, model: Any, rows: JudgedRows) -> Answer:
    import pandas as pd

    values = np.asarray(model.predict(pd.DataFrame(rows.features)))
    if spec.task == "classification":
        values = np.array([label_of(value) for value in values.tolist()], dtype=object)
    return Answer(values.reshape(rows.truth.shape))


def _on_the_same_rows(spec: PipelineSpec, version: str, answer: Answer, rows: JudgedRows, metric: str) -> Predecessor:
    block = block_rows(len(rows), in_time=True)
    both = {"champion": rows.answer, "before": answer}
    samples = bootstrap(str(spec.task), rows.truth, both, 0, metric=metric, block=block)
    sign = 1 if spec.is_greater_better(metric) else -1
    gain = interval(sign * (samples["before"][metric] - samples["champion"][metric]))
    value = metrics(str(spec.task), rows.truth, answer, spec.targets)[metric]
    is_better = gain[0] > 0
    verb = "is better" if is_better else "is not surely better"
    reason = (
        f"The champion before it, version {version}, {verb} on the same rows: {metric} {value:.4g}, "
        f"a gain of {gain[0]:.3g} to {gain[1]:.3g}."
    )
    return Predecessor(version, is_better, reason, value, gain)


def _by_held_out(
    spec: PipelineSpec, runs: RunStore, version: ModelVersion, rows: JudgedRows, metric: str
) -> Predecessor:
    """Where it cannot be asked about the live rows: was it better on its held-out rows than the champion is now?"""
    kept = ((runs.model_record(spec.name, version.version) or {}).get("intervals") or {}).get(metric)
    if kept is None:
        return Predecessor(version.version, False, f"Version {version.version} cannot be compared on these rows.")
    live = metrics(str(spec.task), rows.truth, rows.answer, spec.targets)[metric]
    is_better = live < kept[0] if spec.is_greater_better(metric) else live > kept[1]
    verb = "was better" if is_better else "was no better"
    reason = (
        f"The champion before it, version {version.version}, cannot be asked about these rows; on its held-out rows it "
        f"{verb}: {metric} {kept[0]:.4g} to {kept[1]:.4g}."
    )
    return Predecessor(version.version, is_better, reason)
