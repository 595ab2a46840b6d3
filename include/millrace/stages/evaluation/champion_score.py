"""Scores the present champion on this run's held-out rows, so that it meets the candidates on equal terms."""

from __future__ import annotations

from dataclasses import dataclass

from millrace.errors import MillraceError
from millrace.stages.base import RunContext
from millrace.stages.material.held_out import Material
from millrace.stages.metrics.scoring import Answer
from millrace.stores.base import ModelVersion


@dataclass(frozen=True)
class ScoredChampion:
    """The champion's version; `metrics` is empty and `answer` None where it could not be scored."""

    version: ModelVersion
    metrics: dict[str, float]
    answer: Answer | None = None


def scored_champion(context: RunContext, rows: Material) -> ScoredChampion | None:
    """The champion with its score, or None without a champion.

    A champion that does not fit the table any more (a column is gone) is no hurdle: a warning says so.
    """
    version = context.registry.champion(context.spec.name)
    if version is None:
        return None
    if version.tags.get("millrace.task") != context.spec.task:
        context.warn(
            f"The champion, version {version.version}, was made for task: {version.tags.get('millrace.task')} "
            "and is not compared."
        )
        return ScoredChampion(version, {})
    try:
        metrics, answer = rows.score(context.registry.load(version))
    except MillraceError as error:
        if error.retryable:  # a champion that cannot be read just now must not be passed over
            raise
        context.warn(
            f"The champion, version {version.version}, cannot be scored on this table and is not compared: "
            f"{error.message}"
        )
        return ScoredChampion(version, {})
    except ValueError as error:
        reason = (str(error).strip().splitlines() or [""])[0]
        context.warn(f"The champion, version {version.version}, fails on this table and is not compared: {reason}")
        return ScoredChampion(version, {})
    return ScoredChampion(version, metrics, answer)
