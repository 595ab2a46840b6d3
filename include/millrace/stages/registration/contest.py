"""Puts together what the promotion rule looks at: the best candidate, the champion of this moment, and the baseline."""

from __future__ import annotations

from typing import Any

from millrace.stages.base import RunContext
from millrace.stages.evaluation.champion_score import ScoredChampion, scored_champion
from millrace.stages.evaluation.side_by_side import beats, improvement_document, resamples
from millrace.stages.material.held_out import Material
from millrace.stages.metrics.improvement import Improvement
from millrace.stages.outputs import Evaluated, Trained
from millrace.stages.registration.promotion_rule import Contest
from millrace.stages.registration.served_form import ServedForm
from millrace.stages.training.candidates import all_candidates
from millrace.stores.base import ModelVersion
from millrace.stores.champions import LEFT_TAG


def contest(
    context: RunContext,
    trained: list[Trained],
    best: Trained,
    evaluated: Evaluated,
    version: ModelVersion,
    champion: ModelVersion | None,
    rows: Material,
) -> Contest:
    """The contest of the best candidate, which is `version`, with the champion."""
    spec, known = context.spec, all_candidates(context.spec)
    baselines = [one for one in trained if known[one.candidate].is_baseline and spec.metric in one.cv_metrics]
    standing, gain = _standing(context, best, evaluated, champion, rows)
    served = ServedForm.of(version)
    return Contest(
        value=best.metrics.get(spec.metric),
        champion=standing,
        improvement=gain,
        is_baseline=known[best.candidate].is_baseline,
        beats_baseline=all(beats(spec, best.cv_metrics, one.cv_metrics) for one in baselines),
        latency_ms=served.latency_ms,
        size_bytes=served.size_bytes,
        was_left=bool(version.tags.get(LEFT_TAG)),
    )


def _standing(
    context: RunContext, best: Trained, evaluated: Evaluated, champion: ModelVersion | None, rows: Material
) -> tuple[tuple[str, float | None] | None, Improvement | None]:
    """The champion's version and metric on these rows, and the gain over it; anew where it changed meanwhile."""
    if champion is None:
        return None, None
    met = evaluated.champion
    if met is None or met["version"] != champion.version:
        scored = scored_champion(context, rows)
        if scored is None:
            return None, None
        met = _met_anew(context, best, scored, rows)
    gain = met.get("improvement")
    standing = (met["version"], met["metrics"].get(context.spec.metric))
    return standing, None if gain is None else Improvement.model_validate(gain)


def _met_anew(context: RunContext, best: Trained, scored: ScoredChampion, rows: Material) -> dict[str, Any]:
    from millrace.stores.model_format import model_from_bytes

    met: dict[str, Any] = {"version": scored.version.version, "metrics": scored.metrics}
    if scored.answer is None:
        return met
    model = model_from_bytes(context.artifacts.get_bytes(best.model_uri), best.candidate)
    samples = resamples(rows, {"best": rows.score(model)[1], "champion": scored.answer})
    if samples:
        pair = samples["best"], samples["champion"]
        met["improvement"] = improvement_document(context.spec, best.metrics, scored.metrics, *pair)
    return met
