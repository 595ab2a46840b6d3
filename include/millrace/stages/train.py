"""Fits one candidate: chooses its parameters by cross-validation, fits the training rows, keeps the model."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from millrace.errors import NotFoundError, did_you_mean
from millrace.estimators.base import Candidate
from millrace.spec.models import PipelineSpec
from millrace.stages.base import RunContext, run_stage
from millrace.stages.forecasts.training import learnt_forecaster
from millrace.stages.material.forecast_material import ForecastMaterial
from millrace.stages.material.held_out import material
from millrace.stages.outputs import Trained, Transformed
from millrace.stages.search.learning import Learnt, learn
from millrace.stages.search.plot import search_plot
from millrace.stages.search.trials import Trial
from millrace.stages.training.candidates import all_candidates
from millrace.stages.training.lineage import lineage_tags, training_key

if TYPE_CHECKING:
    from millrace.stores.tracking import TrackedTrial


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
    learnt = (
        learnt_forecaster(context, rows, candidate)
        if isinstance(rows, ForecastMaterial)
        else learn(context, rows, candidate)
    )
    scored, _ = rows.score(learnt.model)
    tracked, plotted = _track(context, transformed, label, learnt, scored, started), _plotted(context, label, learnt)
    if plotted is not None:
        context.registry.add_to_run(tracked, {}, {"plots/search.png": plotted})
    uri = context.artifacts.put_bytes(
        f"runs/{context.run_id}/candidates/{label}/model.skops", model_bytes(learnt.model)
    )
    return Trained(
        candidate=label,
        estimator=candidate.estimator,
        params=learnt.params,
        model_uri=uri,
        cv_metrics=learnt.metrics,
        metrics=scored,
        mlflow_run_id=tracked,
        rows=rows.rows(),
        report=learnt.report,
    )


def _plotted(context: RunContext, label: str, learnt: Learnt) -> bytes | None:
    """The plot of the search, also kept among the run's plots."""
    spec = context.spec
    drawn = search_plot(learnt.trials, spec.metric, greater_is_better=spec.greater_is_better)
    if drawn is not None:
        context.artifacts.put_bytes(f"runs/{context.run_id}/plots/search-{label}.png", drawn, "image/png")
    return drawn


MOST_TRACKED = 50
"""Trials that become nested runs, the best first: each costs MLflow several writes."""


def _track(
    context: RunContext,
    transformed: Transformed,
    label: str,
    learnt: Learnt,
    scored: dict[str, float],
    started: float,
) -> str:
    from millrace.stores.tracking import TrackedRun

    spec, candidate = context.spec, all_candidates(context.spec)[label]
    return context.registry.track(
        TrackedRun(
            experiment=spec.name,
            name=label,
            tags=lineage_tags(context, transformed, label),
            params={"estimator": candidate.estimator, **learnt.params},
            metrics={**scored, **{f"cv_{name}": value for name, value in learnt.metrics.items()}},
            started=started,
            finished=time.time(),
            trials=[_tracked(trial, candidate) for trial in _worth_tracking(learnt, spec)],
        )
    )


def _worth_tracking(learnt: Learnt, spec: PipelineSpec) -> list[Trial]:
    worst = float("-inf") if spec.greater_is_better else float("inf")
    sign = -1.0 if spec.greater_is_better else 1.0
    ordered = sorted(learnt.trials, key=lambda trial: sign * trial.metrics().get(spec.metric, worst))
    return sorted(ordered[:MOST_TRACKED], key=lambda trial: trial.number)


def _tracked(trial: Trial, candidate: Candidate) -> TrackedTrial:
    from millrace.stores.tracking import TrackedTrial

    named = {"estimator": trial.entry.label} if candidate.is_composite else {}
    return TrackedTrial(
        number=trial.number,
        params={**named, **trial.params},
        metrics={f"cv_{name}": value for name, value in trial.metrics().items()},
        started=trial.started,
        finished=trial.finished,
        failed=trial.error is not None,
    )
