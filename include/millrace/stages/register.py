"""Registers the best candidate as a model version with its lineage, and moves the alias when the rule says so.

Each step can be done again: a run has one version, however often it is retried, and the champion is decided under a
lock, against whoever is champion then.
"""

from __future__ import annotations

import json
from typing import Any

from millrace.estimators.threads import bounded_threads
from millrace.stages.base import RunContext, run_stage
from millrace.stages.candidates import all_candidates
from millrace.stages.champion_score import scored_champion
from millrace.stages.evaluate import beats
from millrace.stages.forecast_version import forecast_version
from millrace.stages.held_out import Material, material
from millrace.stages.lineage import lineage_tags, training_key
from millrace.stages.outputs import Evaluated, Registered, Trained, Transformed
from millrace.stages.promotion import Contest, Decision, decide
from millrace.stores.base import ModelVersion

EXAMPLE_ROWS = 5
STATUS_TAG, REPORT_TAG = "millrace.compiled", "millrace.compiled_report"


def register(context: RunContext, transformed: Transformed, trained: list[Trained], evaluated: Evaluated) -> Registered:
    """Register the best candidate and decide on its promotion."""
    return run_stage(context, "register", Registered, lambda: _locked(context, transformed, trained, evaluated))


def _locked(context: RunContext, transformed: Transformed, trained: list[Trained], evaluated: Evaluated) -> Registered:
    with context.runs.lock(f"champion/{context.spec.name}", context.run_id):
        return _register(context, transformed, trained, evaluated)


def _register(
    context: RunContext, transformed: Transformed, trained: list[Trained], evaluated: Evaluated
) -> Registered:
    name = context.spec.name
    best = next(one for one in trained if one.candidate == evaluated.best)
    champion = context.registry.champion(name)
    version = context.registry.version_of_run(name, context.run_id)
    if version is None and champion is not None and _same_model(context, transformed, best, champion):
        reason = f"Nothing new: the best candidate is the champion itself (version {champion.version})."
        return _registered(champion, best, Decision(None, reason))
    rows = material(context, transformed)
    version = version or _same_version(context, transformed, best) or _new_version(context, transformed, best, rows)
    if champion is not None and champion.version == version.version:
        decision = Decision("champion", "Promoted: an earlier attempt of this run had made it the champion.")
    else:
        contest = _contest(context, trained, best, evaluated, champion, rows)
        decision = decide(context.spec, contest, version.version)
        if decision.alias is not None:
            context.registry.set_alias(name, decision.alias, version.version)
    record = _record(context, transformed, best, version, decision)
    if version.run_id != context.run_id:  # its lineage is that of the run that made it
        record = {key: record[key] for key in ("name", "version", "promoted", "reason")}
    context.runs.record_model(record)
    return _registered(version, best, decision)


def _registered(version: ModelVersion, best: Trained, decision: Decision) -> Registered:
    return Registered(
        promoted=decision.alias == "champion",
        reason=decision.reason,
        model_version=version.version,
        metrics=best.metrics,
        compiled=_compiled(version),
    )


def _compiled(version: ModelVersion) -> dict[str, Any] | None:
    """What the version's tags say of its compiled form; None for a version from before there were any."""
    written = version.tags.get(REPORT_TAG)
    return json.loads(written) if written else None


def _same_version(context: RunContext, transformed: Transformed, best: Trained) -> ModelVersion | None:
    """The version of an earlier run that was trained on the same rows in the same way, which is the same model."""
    versions = context.registry.versions(context.spec.name)
    return next((version for version in versions if _same_model(context, transformed, best, version)), None)


def _same_model(context: RunContext, transformed: Transformed, best: Trained, version: ModelVersion) -> bool:
    return version.tags.get("millrace.training_key") == training_key(context, transformed, best.candidate)


def _contest(
    context: RunContext,
    trained: list[Trained],
    best: Trained,
    evaluated: Evaluated,
    champion: ModelVersion | None,
    rows: Material,
) -> Contest:
    spec, known = context.spec, all_candidates(context.spec)
    baselines = [one for one in trained if known[one.candidate].is_baseline and spec.metric in one.cv_metrics]
    return Contest(
        value=best.metrics.get(spec.metric),
        champion=_standing(context, evaluated, champion, rows),
        is_baseline=known[best.candidate].is_baseline,
        beats_baseline=all(beats(spec, best.cv_metrics, one.cv_metrics) for one in baselines),
    )


def _standing(
    context: RunContext, evaluated: Evaluated, champion: ModelVersion | None, rows: Material
) -> tuple[str, float | None] | None:
    """The champion's version and metric on these rows; scored anew where it changed since the comparison."""
    if champion is None:
        return None
    metric = context.spec.metric
    if evaluated.champion is not None and evaluated.champion["version"] == champion.version:
        return champion.version, evaluated.champion["metrics"].get(metric)
    scored = scored_champion(context, rows)
    return None if scored is None else (scored.version.version, scored.metrics.get(metric))


def _new_version(context: RunContext, transformed: Transformed, best: Trained, rows: Material) -> ModelVersion:
    from millrace.compiled.form import compiled_form
    from millrace.stores.model_format import model_from_bytes
    from millrace.stores.tracking import NewVersion

    content = context.artifacts.get_bytes(best.model_uri)
    if context.spec.task == "forecast":
        tags = lineage_tags(context, transformed, best.candidate)
        return context.registry.register(forecast_version(best, content, tags, rows.testing()[0], context.spec))
    model = model_from_bytes(content, best.candidate)
    inputs, _ = rows.training()
    inputs = inputs[list(model[0].inputs_)]
    example = _complete_rows(inputs)
    with bounded_threads(len(rows.test)):
        compiled = compiled_form(model, rows.testing()[0])
    return context.registry.register(
        NewVersion(
            name=context.spec.name,
            mlflow_run_id=best.mlflow_run_id,
            content=content,
            tags={
                **lineage_tags(context, transformed, best.candidate),
                STATUS_TAG: compiled.report.status,
                REPORT_TAG: compiled.report.model_dump_json(),
            },
            metadata=_metadata(context, best, model),
            example=example,
            prediction=model.predict(example),
            kinds=dict(model[0].inputs_),
            optional=frozenset(inputs.columns[inputs.isna().any()]),
            files=compiled.files(),
        )
    )


def _complete_rows(inputs: Any) -> Any:
    """The first rows without a missing value, or the first rows where there is none: a request to copy and try."""
    complete = inputs.dropna().head(EXAMPLE_ROWS)
    return complete if len(complete) else inputs.head(EXAMPLE_ROWS)


def _metadata(context: RunContext, best: Trained, model: Any) -> dict[str, Any]:
    classes = model.classes_.tolist() if context.spec.task == "classification" else None
    return {
        "task": context.spec.task,
        "targets": context.spec.targets,
        "classes": classes,
        "candidate": best.candidate,
        "estimator": best.estimator,
        "metrics": best.metrics,
        "steps": model[0].steps,
    }


def _record(
    context: RunContext, transformed: Transformed, best: Trained, version: ModelVersion, decision: Decision
) -> dict[str, Any]:
    return {
        "name": version.name,
        "version": version.version,
        "uri": version.uri,
        "run_id": context.run_id,
        "spec_version": context.spec_version,
        "dataset_version": transformed.dataset.version,
        "dataset_uri": transformed.dataset.uri,
        "code_version": context.code_version,
        "task": context.spec.task,
        "targets": context.spec.targets,
        "candidate": best.candidate,
        "estimator": best.estimator,
        "params": best.params,
        "metrics": best.metrics,
        "cv_metrics": best.cv_metrics,
        "mlflow_run_id": best.mlflow_run_id,
        "model_uri": best.model_uri,
        "compiled": _compiled(version),
        "promoted": decision.alias == "champion",
        "reason": decision.reason,
    }
