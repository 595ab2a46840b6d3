"""Registers the best candidate as a model version with its lineage, and moves the alias when the rule says so.

Each step can be done again: a run has one version, however often it is retried, and the champion is decided under a
lock, against whoever is champion then.
"""

from __future__ import annotations

import json
from typing import Any

from millrace.estimators.threads import bounded_threads
from millrace.settings import get_settings
from millrace.stages.approval import answered_before
from millrace.stages.base import RunContext, run_stage
from millrace.stages.material.forecast_material import ForecastMaterial
from millrace.stages.material.held_out import Material, material
from millrace.stages.monitoring.reference import keep_reference
from millrace.stages.outputs import Evaluated, Registered, Trained, Transformed
from millrace.stages.registration.comparison import comparison, run_page
from millrace.stages.registration.contest import contest
from millrace.stages.registration.decisions import evidence, keep
from millrace.stages.registration.forecast_version import forecast_version
from millrace.stages.registration.promotion_rule import decide
from millrace.stages.registration.served_form import measured
from millrace.stages.training.lineage import keep_serving_tags, lineage_tags, serving_tags, training_key
from millrace.stores.base import ModelVersion

EXAMPLE_ROWS = 5
STATUS_TAG, REPORT_TAG = "millrace.compiled", "millrace.compiled_report"


def register(context: RunContext, transformed: Transformed, trained: list[Trained], evaluated: Evaluated) -> Registered:
    """Register the best candidate and decide on its promotion."""
    return run_stage(context, "register", Registered, lambda: _locked(context, transformed, trained, evaluated))


def _locked(context: RunContext, transformed: Transformed, trained: list[Trained], evaluated: Evaluated) -> Registered:
    with context.runs.lock(f"champion/{context.spec.name}", context.run_id):
        registered = _register(context, transformed, trained, evaluated)
        if registered.model_version is not None:
            keep_serving_tags(context, registered.model_version)
        return registered


def _register(
    context: RunContext, transformed: Transformed, trained: list[Trained], evaluated: Evaluated
) -> Registered:
    name = context.spec.name
    best = next(one for one in trained if one.candidate == evaluated.best)
    champion = context.registry.champion(name)
    version = context.registry.version_of_run(name, context.run_id)
    if version is None and champion is not None and _same_model(context, transformed, best, champion):
        reason = f"Nothing new: the best candidate is the champion itself (version {champion.version})."
        return _registered(champion, best, {"outcome": "unchanged", "reason": reason})
    rows = material(context, transformed)
    version = version or _same_version(context, transformed, best) or _new_version(context, transformed, best, rows)
    if champion is not None and champion.version == version.version:
        told = _told_before(context, version)
    else:
        found = contest(context, trained, best, evaluated, version, champion, rows)
        decision = decide(context.spec, found, version.version)
        decision = answered_before(context, decision, version, champion.version if champion else None)
        # What was decided is kept first: a retry that finds the alias moved then knows why.
        told = evidence(context, found, decision)
        if decision.outcome == "waiting":
            page = run_page(get_settings().service, context.run_id)
            told["comparison"] = comparison(name, version.version, evaluated, told, page)
        told = keep(context, "promotion", version, told, f"run {context.run_id}")
        if decision.alias is not None:
            context.registry.set_alias(name, decision.alias, version.version)
    record = _record(context, transformed, best, version, told) | _intervals(evaluated)
    if version.run_id != context.run_id:  # its lineage is that of the run that made it
        record = {key: record[key] for key in ("name", "version", "promoted", "reason")}
    context.runs.record_model(record)
    return _registered(version, best, told)


def _told_before(context: RunContext, version: ModelVersion) -> dict[str, Any]:
    """The decision of an earlier attempt of this run, which had promoted the version."""
    kept = context.runs.decisions(version.name, limit=100)
    told = next((one for one in kept if one.get("run_id") == context.run_id and one["kind"] == "promotion"), {})
    reason = "Promoted: an earlier attempt of this run had made it the champion."
    shared: dict[str, Any] = {
        key: told[key] for key in ("metric", "value", "champion", "improvement", "checks", "uri") if key in told
    }
    return {"outcome": "promoted", "reason": told.get("reason", reason), **shared}


def _intervals(evaluated: Evaluated) -> dict[str, Any]:
    """The intervals of the version's held-out metrics, which its live ones are compared with."""
    found = (one.get("intervals", {}) for one in evaluated.candidates if one["name"] == evaluated.best)
    return {"intervals": next(found, {})}


def _registered(version: ModelVersion, best: Trained, told: dict[str, Any]) -> Registered:
    return Registered(
        promoted=told["outcome"] == "promoted",
        reason=told["reason"],
        model_version=version.version,
        metrics=best.metrics,
        compiled=_compiled(version),
        decision=told,
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


def _new_version(context: RunContext, transformed: Transformed, best: Trained, rows: Material) -> ModelVersion:
    from millrace.compiled.form import compiled_form
    from millrace.stores.model_format import model_from_bytes
    from millrace.stores.tracking import NewVersion

    content = context.artifacts.get_bytes(best.model_uri)
    if isinstance(rows, ForecastMaterial):
        tags = lineage_tags(context, transformed, best.candidate)
        return context.registry.register(forecast_version(best, content, tags, rows))
    model = model_from_bytes(content, best.candidate)
    inputs, _ = rows.training()
    inputs = inputs[list(model[0].inputs_)]
    example = _complete_rows(inputs)
    with bounded_threads(len(rows.test)):
        compiled = compiled_form(model, rows.testing()[0])
        served = measured(model, content, compiled, example)
    registered = context.registry.register(
        NewVersion(
            name=context.spec.name,
            mlflow_run_id=best.mlflow_run_id,
            content=content,
            tags={
                **lineage_tags(context, transformed, best.candidate),
                **serving_tags(context),
                STATUS_TAG: compiled.report.status,
                REPORT_TAG: compiled.report.model_dump_json(),
                **served.tags(),
            },
            metadata=_metadata(context, best, model),
            example=example,
            prediction=model.predict(example),
            kinds=dict(model[0].inputs_),
            optional=frozenset(inputs.columns[inputs.isna().any()]),
            files=compiled.files(),
        )
    )
    if context.spec.monitoring is not None and context.spec.monitoring.drift is not None:
        keep_reference(context, rows, model, registered.version)
    return registered


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
    context: RunContext, transformed: Transformed, best: Trained, version: ModelVersion, told: dict[str, Any]
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
        "promoted": told["outcome"] == "promoted",
        "reason": told["reason"],
    }
