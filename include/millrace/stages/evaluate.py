"""Compares the candidates and the champion on the same held-out rows, with intervals and plots.

The best candidate is the one with the best cross-validated metric on the training rows: the held-out rows only report.
"""

from __future__ import annotations

import json
from typing import Any

from millrace.errors import TrainingError
from millrace.spec.models import PipelineSpec
from millrace.stages.base import RunContext, run_stage
from millrace.stages.evaluation.breakdown import breakdown
from millrace.stages.evaluation.champion_score import ScoredChampion, scored_champion
from millrace.stages.evaluation.forecast_plots import forecast_plots
from millrace.stages.evaluation.plots import drawn_breakdown, plots
from millrace.stages.evaluation.side_by_side import beats, improvement_document, resamples
from millrace.stages.material.held_out import Material, material
from millrace.stages.metrics.importance import permutation_importance
from millrace.stages.metrics.scoring import Answer, interval
from millrace.stages.outputs import Evaluated, Trained, Transformed
from millrace.stages.training.candidates import all_candidates

CHAMPION = "(champion)"


def evaluate(context: RunContext, transformed: Transformed, trained: list[Trained]) -> Evaluated:
    """Score every candidate and the champion; choose the best candidate. Raises TrainingError."""
    return run_stage(context, "evaluate", Evaluated, lambda: _evaluate(context, transformed, trained))


def _evaluate(context: RunContext, transformed: Transformed, trained: list[Trained]) -> Evaluated:
    from millrace.stores.model_format import model_from_bytes

    spec, rows = context.spec, material(context, transformed)
    best = choose_best(context, trained)
    models = {
        one.candidate: model_from_bytes(context.artifacts.get_bytes(one.model_uri), one.candidate) for one in trained
    }
    answers = {label: rows.score(model)[1] for label, model in models.items()}
    champion = scored_champion(context, rows)
    samples = _samples(rows, answers, champion)
    documents = [_candidate_document(one, samples.get(one.candidate, {})) for one in trained]
    chosen = models[best.candidate], answers[best.candidate]
    told = breakdown(rows, *chosen)
    files = {**_plots(context, rows, *chosen), **drawn_breakdown(told)}
    reports = {told["kind"]: json.dumps(told, indent=1).encode()} if told else {}
    evaluated = Evaluated(
        best=best.candidate,
        metric=spec.metric,
        candidates=documents,
        champion=_champion_document(spec, champion, samples, best),
        plots={
            name: context.artifacts.put_bytes(f"runs/{context.run_id}/plots/{name}.png", content, "image/png")
            for name, content in files.items()
        },
        breakdown=told,
        reports={
            name: context.artifacts.put_bytes(f"runs/{context.run_id}/reports/{name}.json", content, "application/json")
            for name, content in reports.items()
        },
    )
    bounds = next(document for document in documents if document["name"] == best.candidate)["intervals"]
    flat = {
        f"{name}_{end}": value
        for name, pair in bounds.items()
        for end, value in zip(("low", "high"), pair, strict=True)
    }
    kept = {f"plots/{name}.png": png for name, png in files.items()}
    kept |= {f"reports/{name}.json": content for name, content in reports.items()}
    context.registry.add_to_run(best.mlflow_run_id, flat, kept)
    context.runs.record_experiment(_record(context, transformed, evaluated))
    return evaluated


def choose_best(context: RunContext, trained: list[Trained]) -> Trained:
    """The candidate with the best cross-validated metric; the baseline only where there is nothing else.

    Of equals the first of the spec is taken. Warns when the baseline is not beaten.
    """
    spec = context.spec
    sign = -1 if spec.greater_is_better else 1
    known = all_candidates(spec)
    scored = [one for one in trained if spec.metric in one.cv_metrics]
    if not scored:
        raise TrainingError(
            f"No candidate has a cross-validated {spec.metric}.", hint="Choose another promotion.metric."
        )
    real = [one for one in scored if not known[one.candidate].is_baseline]
    best = min(real or scored, key=lambda one: sign * one.cv_metrics[spec.metric])
    for one in scored:
        if known[one.candidate].is_baseline and one is not best and not beats(spec, best.cv_metrics, one.cv_metrics):
            context.warn(
                f"No candidate beats the baseline: the best cross-validated {spec.metric} is "
                f"{best.cv_metrics[spec.metric]:.4g} ({best.candidate}), "
                f"the baseline's {one.cv_metrics[spec.metric]:.4g}."
            )
    return best


def _samples(rows: Material, answers: dict[str, Answer], champion: ScoredChampion | None) -> dict[str, dict[str, Any]]:
    """The metrics on resamples of the held-out rows."""
    asked = dict(answers)
    if champion is not None and champion.answer is not None:
        asked[CHAMPION] = champion.answer
    return resamples(rows, asked)


def _candidate_document(one: Trained, samples: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": one.candidate,
        "estimator": one.estimator,
        "metrics": one.metrics,
        "intervals": {name: interval(values) for name, values in samples.items()},
        "cv_metrics": one.cv_metrics,
        "params": one.params,
        "mlflow_run_id": one.mlflow_run_id,
    }


def _champion_document(
    spec: PipelineSpec, champion: ScoredChampion | None, samples: dict[str, dict[str, Any]], best: Trained
) -> dict[str, Any] | None:
    """The champion's score; `difference` is best minus champion on the same resamples, `improvement` the gain in it."""
    if champion is None:
        return None
    own, its = samples.get(CHAMPION, {}), samples.get(best.candidate, {})
    return {
        "version": champion.version.version,
        "metrics": champion.metrics,
        "intervals": {name: interval(values) for name, values in own.items()},
        "difference": {name: interval(its[name] - values) for name, values in own.items() if name in its},
        "improvement": improvement_document(spec, best.metrics, champion.metrics, its, own),
    }


def _plots(context: RunContext, rows: Material, model: Any, given: Answer) -> dict[str, bytes]:
    spec = context.spec
    inputs, truth = rows.testing()
    if spec.task == "forecast":
        return forecast_plots(inputs, truth, given.values)
    importance = {}
    if truth is not None:
        importance = permutation_importance(
            model,
            inputs,
            truth,
            task=str(spec.task),
            metric=spec.metric,
            greater_is_better=spec.greater_is_better,
        )
    times = None if rows.table.times is None else rows.table.times[rows.test]
    return plots(str(spec.task), truth, given, spec.targets, importance, times)


def _record(context: RunContext, transformed: Transformed, evaluated: Evaluated) -> dict[str, Any]:
    return {
        "run_id": context.run_id,
        "pipeline": context.spec.name,
        "task": context.spec.task,
        "spec_version": context.spec_version,
        "dataset_version": transformed.dataset.version,
        **evaluated.model_dump(mode="json"),
    }
