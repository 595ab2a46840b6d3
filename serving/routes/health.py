"""Whether the service lives, is ready, and is well."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse

from millrace import __version__
from serving.access.permissions import Permission, require
from serving.answers import now
from serving.deps import Services, ServicesDep
from serving.probes import PartState

router = APIRouter(tags=["health"], dependencies=[Depends(require(Permission.PUBLIC))])
Status = Literal["healthy", "partial", "unhealthy"]


class HealthAnswer(BaseModel):
    """The service's state: `partial` still answers predictions, `unhealthy` cannot."""

    model_config = ConfigDict(protected_namespaces=())

    status: Status
    models: list[dict[str, Any]] = Field(description="name, version, state; error where a champion failed to load.")
    models_loaded: list[str]
    dependencies: dict[str, dict[str, Any]] = Field(description="mongodb, s3, mlflow: reachable, error.")
    problems: list[str] = Field(description="One sentence for each thing that is not as it should be.")
    version: str
    timestamp: str


@router.get("/health", response_model=HealthAnswer, responses={503: {"model": HealthAnswer}})
async def health(services: ServicesDep) -> JSONResponse:
    """Tell how the service is: 200 for healthy and partial, 503 for unhealthy."""
    parts = {**await services.probes.states(), "mlflow": _mlflow(services)}
    models, problems = _models(services), _problems(services, parts)
    status = _status(services, problems)
    answer = HealthAnswer(
        status=status,
        models=models,
        models_loaded=sorted(services.manager.models),
        dependencies={name: {"reachable": part.reachable, "error": part.error} for name, part in parts.items()},
        problems=problems,
        version=__version__,
        timestamp=now(),
    )
    return JSONResponse(answer.model_dump(), status_code=503 if status == "unhealthy" else 200)


@router.get("/health/live")
async def live() -> dict[str, str]:
    """Answer at all."""
    return {"status": "alive"}


@router.get("/health/startup", responses={503: {"description": "The first look is not over."}})
async def startup(services: ServicesDep) -> JSONResponse:
    """Tell whether the first look is over and its models are warm; from then on it stays so (a startup probe)."""
    started = services.watcher.started
    return JSONResponse({"status": "started" if started else "starting"}, status_code=200 if started else 503)


@router.get("/health/ready", responses={503: {"description": "Not yet, or no longer."}})
async def ready(services: ServicesDep) -> JSONResponse:
    """Tell whether requests should come here: the first look is over, and a model answers or there is none yet."""
    is_ready = services.watcher.started and _can_serve(services)
    return JSONResponse({"status": "ready" if is_ready else "not ready"}, status_code=200 if is_ready else 503)


def _status(services: Services, problems: list[str]) -> Status:
    if not problems:
        return "healthy"
    return "partial" if _can_serve(services) else "unhealthy"


def _can_serve(services: Services) -> bool:
    """Whether a model serves and is not stuck, or the registry says that there is none yet."""
    serving = services.manager.models
    if not serving:
        return services.manager.registry_state.champions == {}
    return not all(map(services.admission.is_stuck, serving))


def _mlflow(services: Services) -> PartState:
    state = services.manager.registry_state
    if not state.looked:
        return PartState(False, "Not asked yet.")
    return PartState(state.error is None, state.error)


def _models(services: Services) -> list[dict[str, Any]]:
    manager = services.manager
    listed: list[dict[str, Any]] = []
    for name in sorted({*manager.models, *manager.failures}):
        model, failure = manager.models.get(name), manager.failures.get(name)
        entry = {"name": name, "version": model.version.version if model else None}
        if failure is not None:
            entry |= {"failed_version": failure.version, "error": failure.error}
        state = "withdrawn" if manager.is_withdrawn(name) else "serving" if model else "failed"
        listed.append({**entry, "state": state})
    return listed


def _problems(services: Services, parts: dict[str, PartState]) -> list[str]:
    manager = services.manager
    away = [f"{name}: {part.error}" for name, part in parts.items() if not part.reachable]
    failed = [f"{name}: version {f.version} failed to load: {f.error}" for name, f in manager.failures.items()]
    withdrawn = [
        f"{name}: no version is the champion any more; version {model.version.version} goes on serving."
        for name, model in manager.models.items()
        if manager.is_withdrawn(name)
    ]
    stuck = [
        f"{name}: its predictions do not end; new ones are refused."
        for name in manager.models
        if services.admission.is_stuck(name)
    ]
    return [*away, *failed, *withdrawn, *stuck, *services.traffic.problems()]
