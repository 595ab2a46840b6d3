"""The runs: a list, newest first, and everything about one."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query

from millrace.run_summary import run_summary
from serving.access.permissions import Permission, require
from serving.answers import Answer, errors, now
from serving.deps import ServicesDep
from serving.links import Links
from serving.logs import request_id
from serving.paging import Before, next_before
from serving.run_artifacts import artifact_names

router = APIRouter(prefix="/api/v1/runs", tags=["platform"], dependencies=[Depends(require(Permission.READ))])
Status = Literal["queued", "running", "success", "failed"]
_SHOWN_STAGE = ("status", "attempt", "started_at", "finished_at", "seconds", "reused", "error", "warnings")


class RunsAnswer(Answer):
    """Runs, newest first; `next_before` asks for the next page."""

    runs: list[dict[str, Any]]
    next_before: str | None = None


class RunAnswer(Answer):
    """One run: its summary, its stages one by one, and where its artifacts are."""

    run: dict[str, Any]


@router.get("", responses=errors(422, 503))
def runs(
    services: ServicesDep,
    pipeline: str | None = None,
    status: Status | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 20,
    before: Before | None = None,
) -> RunsAnswer:
    """List runs, newest first."""
    found = services.runs.find_runs(pipeline=pipeline, status=status, limit=limit, before=before)
    following = next_before(found, limit, "created_at")
    return RunsAnswer(
        timestamp=now(),
        request_id=request_id.get(),
        runs=[run_line(record, services.links) for record in found],
        next_before=following,
    )


@router.get("/{run_id}", responses=errors(404, 503))
def run(run_id: str, services: ServicesDep) -> RunAnswer:
    """Show one run."""
    record = services.runs.get_run(run_id)
    return RunAnswer(timestamp=now(), request_id=request_id.get(), run=_page(record, services.links))


def run_line(record: dict[str, Any], links: Links) -> dict[str, Any]:
    """A run in a list."""
    stages = record.get("stages", {})
    registered, settled = ((stages.get(name) or {}).get("output") or {} for name in ("register", "promote"))
    return {
        "run_id": record["_id"],
        "pipeline": record["pipeline"],
        "status": record["status"],
        "error": record.get("error"),
        "spec_version": record.get("spec_version"),
        "trigger": record.get("trigger"),
        "interval": record.get("interval"),
        "created_at": record.get("created_at"),
        "started_at": record.get("started_at"),
        "finished_at": record.get("finished_at"),
        "warnings": len({sentence for stage in stages.values() for sentence in stage.get("warnings") or []}),
        "model_version": registered.get("model_version"),
        "promoted": (settled or registered).get("promoted", False),
        "waits": not settled and (registered.get("decision") or {}).get("outcome") == "waiting",
        "links": links.run(record),
    }


def _page(record: dict[str, Any], links: Links) -> dict[str, Any]:
    stages = record.get("stages", {})
    outputs = {name: stage.get("output") or {} for name, stage in stages.items()}
    evaluated = outputs.get("evaluate", {})
    return {
        **run_line(record, links),
        **run_summary(record),
        "timeline": [_timeline_entry(name, stage) for name, stage in stages.items()],
        "expectations_passed": outputs.get("validate", {}).get("passed"),
        "profile": outputs.get("transform", {}).get("profile"),
        "metric": evaluated.get("metric"),
        "champion_before": evaluated.get("champion"),
        "searches": {
            name.removeprefix("train:"): output["report"] for name, output in outputs.items() if output.get("report")
        },
        "deliveries": outputs.get("load", {}).get("deliveries", []),
        "artifacts": artifact_names(record),
    }


def _timeline_entry(name: str, stage: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, **{key: stage.get(key) for key in _SHOWN_STAGE}}
