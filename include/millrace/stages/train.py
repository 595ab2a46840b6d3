"""Fits one candidate: chooses its parameters by cross-validation, fits the training rows, keeps the model."""

from __future__ import annotations

import time
from typing import Any

from millrace.errors import NotFoundError, did_you_mean
from millrace.estimators.base import Candidate
from millrace.stages.assembly import recipe
from millrace.stages.base import RunContext, run_stage
from millrace.stages.candidates import all_candidates
from millrace.stages.held_out import Material, material
from millrace.stages.lineage import lineage_tags, training_key
from millrace.stages.outputs import Trained, Transformed
from millrace.stages.search import Choice, choose


def train(context: RunContext, transformed: Transformed, candidate: str) -> Trained:
    """Train one candidate of the spec, or the baseline; an unchanged one is reused.

    Raises TrainingError when the table or the candidate cannot be learnt from.
    """
    if candidate not in all_candidates(context.spec):
        raise NotFoundError(
            f"The pipeline '{context.spec.name}' has no candidate '{candidate}'.",
            hint=did_you_mean(candidate, all_candidates(context.spec)),
        )
    return run_stage(
        context,
        f"train:{candidate}",
        Trained,
        lambda: _train(context, transformed, candidate),
        key=training_key(context, transformed, candidate),
        still_there=lambda output: context.artifacts.exists(output.model_uri),
    )


def _train(context: RunContext, transformed: Transformed, label: str) -> Trained:
    from millrace.stores.model_format import model_bytes

    started = time.time()
    candidate = all_candidates(context.spec)[label]
    rows = material(context, transformed)
    model, choice = (_forecaster if context.spec.task == "forecast" else _pipeline)(context, rows, candidate)
    scored, _ = rows.score(model)
    uri = context.artifacts.put_bytes(f"runs/{context.run_id}/candidates/{label}/model.skops", model_bytes(model))
    params = {**candidate.params, **choice.params}
    return Trained(
        candidate=label,
        estimator=candidate.estimator,
        params=params,
        model_uri=uri,
        cv_metrics=choice.metrics,
        metrics=scored,
        mlflow_run_id=_track(context, transformed, label, choice, scored, started),
        rows=rows.rows(),
    )


def _pipeline(context: RunContext, rows: Material, candidate: Candidate) -> tuple[Any, Choice]:
    spec = context.spec
    inputs, target = rows.training()
    plan = recipe(spec, candidate, inputs, context.warn)
    choice = choose(plan, rows.table, rows.folds(), spec.metric, spec.greater_is_better)
    return plan.fit(inputs, target, choice.params, context.warn), choice


def _forecaster(context: RunContext, rows: Any, candidate: Any) -> tuple[Any, Choice]:
    from millrace.stages.forecast_training import trained_forecaster

    model, metrics = trained_forecaster(rows, candidate)
    return model, Choice(candidate.options, metrics)


def _track(
    context: RunContext,
    transformed: Transformed,
    label: str,
    choice: Choice,
    scored: dict[str, float],
    started: float,
) -> str:
    from millrace.stores.tracking import TrackedRun, TrackedTrial

    candidate = all_candidates(context.spec)[label]
    trials = [
        TrackedTrial(
            number=trial.number,
            params=trial.params,
            metrics={f"cv_{name}": value for name, value in trial.metrics.items()},
            started=trial.started,
            finished=trial.finished,
            failed=trial.error is not None,
        )
        for trial in choice.trials
    ]
    return context.registry.track(
        TrackedRun(
            experiment=context.spec.name,
            name=label,
            tags=lineage_tags(context, transformed, label),
            params={"estimator": candidate.estimator, **candidate.params, **choice.params},
            metrics={**scored, **{f"cv_{name}": value for name, value in choice.metrics.items()}},
            started=started,
            finished=time.time(),
            trials=trials,
        )
    )
