"""The pipelines of the catalogue, each with its last run and its champion."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends
from pydantic import Field

from millrace.errors import StorageError
from millrace.spec.models import PipelineSpec
from serving.access.permissions import Permission, require
from serving.answers import Answer, now
from serving.approvals import waiting_version
from serving.deps import Services, ServicesDep
from serving.logs import request_id
from serving.routes.models import champion_document, forecasting_document
from serving.routes.runs import run_line

router = APIRouter(prefix="/api/v1/pipelines", tags=["platform"], dependencies=[Depends(require(Permission.READ))])


class PipelinesAnswer(Answer):
    """The pipelines by name, and what could not be read."""

    pipelines: list[dict[str, Any]]
    broken: list[str] = Field(description="The specs that cannot be read: file, line and what to mend.")
    notes: list[str] = Field(description="What is missing from this answer, and why.")


@router.get("")
def pipelines(services: ServicesDep) -> PipelinesAnswer:
    """List the pipelines. A broken spec and an absent database are notes: they hide nothing else."""
    catalogue = services.specs.catalogue()
    notes = []
    try:
        last = {name: services.runs.find_runs(pipeline=name, limit=1) for name in catalogue.specs}
        waiting = {name: waiting_version(services, name) for name in catalogue.specs}
    except StorageError as error:
        last, waiting = {}, {}
        notes.append(str(error))
    listed = [
        {
            **_described(loaded.spec),
            "spec_version": loaded.version,
            "made": loaded.made,
            "last_run": next((run_line(run, services.links) for run in last.get(name, [])), None),
            "champion": _champion(services, loaded.spec),
            "waiting": waiting.get(name),
            "links": services.links.pipeline(name),
        }
        for name, loaded in sorted(catalogue.specs.items())
    ]
    broken = [str(problem) for problem in catalogue.problems]
    return PipelinesAnswer(timestamp=now(), request_id=request_id.get(), pipelines=listed, broken=broken, notes=notes)


def _described(spec: PipelineSpec) -> dict[str, Any]:
    schedule = spec.schedule
    return {
        "name": spec.name,
        "description": spec.description,
        "owner": spec.owner,
        "tags": spec.tags,
        "schedule": schedule if schedule is None or isinstance(schedule, str) else schedule.assets,
        "task": spec.task,
        "targets": spec.targets,
        "metric": spec.metric if spec.task else None,
        "greater_is_better": spec.greater_is_better if spec.task else None,
    }


def _champion(services: Services, spec: PipelineSpec) -> dict[str, Any] | None:
    model, metric = services.manager.models.get(spec.name), spec.metric if spec.task else None
    return forecasting_document(services, spec.name, metric) if model is None else champion_document(model, metric)
