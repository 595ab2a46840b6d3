"""Models side by side on the same held-out rows: which one leads, and what one gains over another."""

from __future__ import annotations

from typing import Any

from millrace.spec.models import PipelineSpec
from millrace.stages.material.held_out import Material
from millrace.stages.metrics.improvement import improvement
from millrace.stages.metrics.scoring import Answer, block_rows, bootstrap


def beats(spec: PipelineSpec, ours: dict[str, float], theirs: dict[str, float]) -> bool:
    """Whether the deciding metric of `ours` is strictly better."""
    one, other = ours[spec.metric], theirs[spec.metric]
    return one > other if spec.greater_is_better else one < other


def resamples(rows: Material, answers: dict[str, Answer]) -> dict[str, dict[str, Any]]:
    """Each model's metrics on the same resamples of the held-out rows, the deciding one always among them.

    Nothing for a clustering, whose scores are no means over rows.
    """
    truth, spec = rows.testing()[1], rows.spec
    if truth is None:
        return {}
    block = block_rows(len(truth), in_time=spec.splitting.by == "time")
    return bootstrap(str(spec.task), truth, answers, spec.splitting.seed, metric=spec.metric, block=block)


def improvement_document(
    spec: PipelineSpec, ours: dict[str, float], theirs: dict[str, float], its: dict[str, Any], own: dict[str, Any]
) -> dict[str, Any] | None:
    """The Improvement as JSON; None where one of the two has no value, or the metric no resamples."""
    metric = spec.metric
    if metric not in ours or metric not in theirs:
        return None
    found = improvement(spec, its.get(metric), own.get(metric), (ours[metric], theirs[metric]))
    return None if found is None else found.model_dump()
