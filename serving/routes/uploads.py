"""Tables that are uploaded as the sources of pipelines, and specs that are drafted from them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from millrace.authoring import tables
from serving.access.permissions import Permission, require
from serving.answers import Answer, errors, now
from serving.deps import ServicesDep
from serving.logs import request_id

router = APIRouter(prefix="/api/v1", tags=["pipelines"], dependencies=[Depends(require(Permission.PIPELINES))])
_FILE = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
_BODY = {"requestBody": {"required": True, "content": _FILE}}


class TableAnswer(Answer):
    """The uploaded table."""

    table: str = Field(description="Its name; a spec reads it as source: {type: upload, name: ...}.")


class Wanted(BaseModel):
    """From which table a spec is to be drafted, and what it is to predict."""

    model_config = ConfigDict(extra="forbid")

    table: str = Field(min_length=1, max_length=100)
    target: list[Annotated[str, Field(max_length=200)]] = Field(default_factory=list, max_length=20)
    task: Literal["regression", "classification", "clustering", "forecast"] | None = None
    name: str | None = Field(default=None, pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$", description="Else the table's.")
    sheet: str | None = Field(default=None, max_length=100, description="Of a workbook with several.")


class DraftAnswer(Answer):
    """A spec with its reasons as comments; nothing is kept of it."""

    pipeline: str
    text: str
    notes: list[str] = Field(description="What to know before it runs.")


@router.post("/tables", responses=errors(400, 401, 403, 408, 409, 413, 422, 503), openapi_extra=_BODY)
async def upload(
    request: Request,
    services: ServicesDep,
    name: Annotated[str, Query(min_length=1, max_length=100, description="With its extension, such as sales.csv.")],
    replace: bool = False,
) -> TableAnswer:
    """Upload a table as the body of the request: CSV, Excel, Parquet or JSON, also as .gz or .zip."""
    tables.check_name(name)
    async with services.uploads.place():
        with await services.uploads.receive(request) as file:
            await run_in_threadpool(_keep, services, request, name, file, replace)
    return TableAnswer(timestamp=now(), request_id=request_id.get(), table=name)


@router.post("/pipelines/draft", responses=errors(401, 403, 404, 413, 422, 503))
def draft(given: Wanted, services: ServicesDep) -> DraftAnswer:
    """Draft a spec from an uploaded table, as `millrace init` does from a file. It takes some seconds."""
    found = services.drafting.draft(given.table, given.target, given.task, given.name, given.sheet)
    return DraftAnswer(timestamp=now(), request_id=request_id.get(), **found)


def _keep(services: Any, request: Request, name: str, file: Any, replace: bool) -> None:
    services.access.audit.change(
        request,
        "table.upload",
        f"table:{name}",
        lambda: tables.keep(services.settings, name, file, replace=replace),
        after={"replace": replace},
    )
