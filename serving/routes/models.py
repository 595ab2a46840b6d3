"""The models: their versions, what they take, and which version serves."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Depends, Request
from pydantic import Field

from millrace.errors import NotFoundError, StorageError, did_you_mean
from millrace.spec.metrics import METRICS
from millrace.stores.base import ModelVersion
from serving.access.permissions import Permission, require
from serving.answers import Answer, errors, now
from serving.deps import Services, ServicesDep
from serving.logs import request_id
from serving.runtime.loaded_model import LoadedModel

router = APIRouter(prefix="/api/v1/models", tags=["models"])
_READ = [Depends(require(Permission.READ))]
_RELOAD = [Depends(require(Permission.RELOAD))]


class ModelsAnswer(Answer):
    """All models, also those without a champion."""

    models: list[dict[str, Any]]
    notes: list[str] = Field(description="What is missing from this answer, and why.")


class ModelAnswer(Answer):
    """One model with its versions, newest first."""

    model: dict[str, Any]
    notes: list[str]


class SchemaAnswer(Answer):
    """What a model takes."""

    model: str
    model_version: str
    input_schema: dict[str, Any] = Field(description="JSON schema of one row.")
    fields: list[dict[str, Any]] = Field(description="The input fields in order.")
    example: dict[str, Any] = Field(description="One row that predicts.")


class ReloadAnswer(Answer):
    """What serves after a look at the registry."""

    serving: dict[str, str] = Field(description="Model to version.")
    failed: dict[str, str] = Field(description="Model to the reason why its champion does not serve.")


@router.get("", dependencies=_READ)
def models(services: ServicesDep) -> ModelsAnswer:
    """List the models."""
    known, notes = _aliases(services)
    names = sorted({*known, *services.manager.models})
    listed = [_line(services, name, known.get(name, {})) for name in names]
    return ModelsAnswer(timestamp=now(), request_id=request_id.get(), models=listed, notes=notes)


@router.post("/reload", dependencies=_RELOAD, responses=errors(401, 403, 503))
async def reload(request: Request, services: ServicesDep) -> ReloadAnswer:
    """Look at the registry now, also at versions that failed before."""
    manager = services.manager
    before = {name: model.version.version for name, model in manager.models.items()}
    audit = services.access.audit
    await asyncio.to_thread(audit.change, request, "models.reload", "models", lambda: None, {"serving": before})
    await services.watcher.look_now()
    return ReloadAnswer(
        timestamp=now(),
        request_id=request_id.get(),
        serving={name: model.version.version for name, model in manager.models.items()},
        failed={name: failure.error for name, failure in manager.failures.items()},
    )


@router.get("/{name}", dependencies=_READ, responses=errors(404))
def model(name: str, services: ServicesDep) -> ModelAnswer:
    """Show one model and its versions."""
    versions, notes = _versions(services, name)
    if not versions:
        known = {*services.manager.models, *(services.manager.registry_state.champions or {})}
        raise NotFoundError(f"There is no model '{name}'.", hint=did_you_mean(name, known) if known else None)
    aliases = {alias: version.version for version in versions for alias in version.aliases}
    document = {**_line(services, name, aliases), "versions": [_version_line(services, v) for v in versions]}
    return ModelAnswer(timestamp=now(), request_id=request_id.get(), model=document, notes=notes)


@router.get("/{name}/schema", dependencies=_READ, responses=errors(404, 503))
def schema(name: str, services: ServicesDep) -> SchemaAnswer:
    """Show what the serving version takes: a JSON schema, the fields, and a row that predicts."""
    return schema_of(services.manager.get(name))


def schema_of(loaded: LoadedModel) -> SchemaAnswer:
    """What a version takes, as an answer."""
    return SchemaAnswer(
        timestamp=now(),
        request_id=request_id.get(),
        model=loaded.name,
        model_version=loaded.version.version,
        input_schema=loaded.signature.json_schema(),
        fields=loaded.signature.as_document(),
        example=loaded.signature.example,
    )


def champion_document(loaded: LoadedModel, metric: str | None) -> dict[str, Any]:
    """The version that serves, with its metrics on the held-out rows."""
    metrics = _metrics(loaded)
    return {
        "version": loaded.version.version,
        "metric": metric,
        "value": metrics.get(metric) if metric else None,
        "metrics": metrics,
        "run_id": loaded.version.run_id,
        "candidate": loaded.version.tags.get("millrace.candidate"),
        "served_by": loaded.served_by,
        "loaded_at": loaded.loaded_at.isoformat(),
    }


def forecasting_document(services: Services, name: str, metric: str | None) -> dict[str, Any] | None:
    """The champion that forecasts ahead, with its metrics on the held-out steps; None for any other."""
    version = (services.manager.registry_state.champions or {}).get(name)
    if version is None or not services.manager.forecasts_ahead(name):
        return None
    record = services.champion_records.of(name, version)
    metrics = _ordered(record.get("task"), record.get("metrics") or {})
    return {
        "version": version,
        "metric": metric,
        "value": metrics.get(metric) if metric else None,
        "metrics": metrics,
        "run_id": record.get("run_id"),
        "candidate": record.get("candidate"),
        "served_by": None,
        "loaded_at": None,
    }


def _line(services: Services, name: str, aliases: dict[str, str]) -> dict[str, Any]:
    manager = services.manager
    loaded, failure = manager.models.get(name), manager.failures.get(name)
    ahead = forecasting_document(services, name, None)
    record = services.champion_records.of(name, ahead["version"]) if ahead else {}
    return {
        "name": name,
        "champion": aliases.get("champion"),
        "aliases": aliases,
        "task": loaded.task if loaded else record.get("task"),
        "targets": loaded.targets if loaded else record.get("targets", []),
        "loaded": loaded.version.version if loaded else None,
        "state": _state(services, name),
        "error": failure.error if failure else None,
        "metrics": _metrics(loaded) if loaded else (ahead or {}).get("metrics", {}),
        "served_by": loaded.served_by if loaded else None,
        "loaded_at": loaded.loaded_at.isoformat() if loaded else None,
        "links": {"mlflow": services.links.model(name)},
    }


def _state(services: Services, name: str) -> str:
    """How it serves: `stale` is an older version than the champion, which failed to load; `forecasting` is ahead."""
    manager = services.manager
    serves, failed = name in manager.models, name in manager.failures
    if manager.forecasts_ahead(name):
        return "forecasting"
    if manager.is_withdrawn(name):
        return "withdrawn"
    if failed:
        return "stale" if serves else "failed"
    return "serving" if serves else "waiting"


def _version_line(services: Services, version: ModelVersion) -> dict[str, Any]:
    tags = version.tags
    loaded = services.manager.models.get(version.name)
    serves = loaded is not None and loaded.version.version == version.version
    return {
        "version": version.version,
        "aliases": version.aliases,
        "created": version.created,
        "run_id": version.run_id,
        "candidate": tags.get("millrace.candidate"),
        "dataset_version": tags.get("millrace.dataset_version"),
        "spec_version": tags.get("millrace.spec_version"),
        "code_version": tags.get("millrace.code_version"),
        "loaded": serves,
        "links": {"mlflow": services.links.model(version.name, version.version)},
    }


def _aliases(services: Services) -> tuple[dict[str, dict[str, str]], list[str]]:
    """What the watcher saw last: a list never waits for MLflow."""
    state = services.manager.registry_state
    return state.aliases or {}, [state.error] if state.error else []


def _versions(services: Services, name: str) -> tuple[list[ModelVersion], list[str]]:
    """The versions that the registry knows; while it is away, the one that serves."""
    loaded, away = services.manager.models.get(name), services.manager.registry_state.error
    if loaded is not None and away is not None:
        return [loaded.version], [away]
    try:
        return services.registry.versions(name), []
    except StorageError as error:
        if loaded is None:
            raise
        return [loaded.version], [str(error)]


def _metrics(loaded: LoadedModel) -> dict[str, float]:
    """Metrics from a model's metadata: numbers by name, the task's most telling ones first."""
    return _ordered(loaded.task, loaded.metadata.get("metrics") or {})


def _ordered(task: str | None, found: dict[str, Any]) -> dict[str, float]:
    known = [name for name in METRICS.get(str(task), {}) if name in found]
    ordered = [*known, *(name for name in found if name not in known)]
    return {name: float(found[name]) for name in ordered if isinstance(found[name], (int, float))}
