"""Predictions of a large table: a file in, a file out.

Whatever is wrong with the file is an ordinary error answer, for all of it is checked before the answer begins. Only
what fails inside the service later can end an answer early, and then the connection is cut: no client takes what it
got for the whole.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from serving.access.permissions import Permission, require
from serving.answers import errors
from serving.deps import Services, ServicesDep
from serving.failures import UnsupportedMediaError
from serving.file_prediction import FilePrediction, begun_by_any
from serving.media import media_type, wanted_type
from serving.routes.predict import FILES, about
from serving.runtime.tables import FORMATS
from serving.runtime.tables.base import TableFormat

router = APIRouter(prefix="/api/v1/models", tags=["predictions"], dependencies=[Depends(require(Permission.PREDICT))])


class _Pieces(StreamingResponse):
    """An answer in pieces that lets go of what it holds when it is over, however it ends."""

    def __init__(self, held: AsyncExitStack, pieces: AsyncIterator[bytes], **options: Any) -> None:
        super().__init__(pieces, **options)
        self._held = held

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._held:
            await super().__call__(scope, receive, send)


FILE: dict[str, Any] = {
    "response_class": Response,
    "responses": {
        200: {"content": FILES, "description": "A row for each row of the file, in the same order."},
        **errors(400, 404, 406, 408, 413, 415, 422, 500, 503),
    },
    "openapi_extra": {"requestBody": {"required": True, "content": FILES}},
}
"""How a route describes itself that predicts a file."""


@router.post("/{name}/predict/file", **FILE)
async def predict_file(
    name: str, request: Request, services: ServicesDep, probabilities: bool = False, ids: bool = False
) -> Response:
    """Predict a table of any length: CSV, Arrow or Parquet by Content-Type, answered in the form of Accept.

    With `ids` each row has a `prediction_id` for `/api/v1/feedback`.
    """
    return await predict_upload(services, request, name, None, probabilities=probabilities, ids=ids)


async def predict_upload(
    services: Services, request: Request, name: str, which: str | None, *, probabilities: bool, ids: bool
) -> Response:
    """Predict a file by the version that the caller names, or that the traffic rule chooses."""
    choice, form = await services.answering.choice(name, which), _form_of(request)
    wanted = FORMATS[wanted_type(request.headers, FORMATS, form.media_type)]
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(services.uploads.place())
        file = stack.enter_context(await services.uploads.receive(request))
        work = FilePrediction(services, choice, form, file, probabilities, ids)
        begun = await (work.begun(wanted) if which is not None else begun_by_any(work, wanted))
        held = stack.pop_all()
    headers = {**about(begun.model), "X-Millrace-Rows": str(begun.rows)}
    return _Pieces(held, begun.pieces(), media_type=wanted.media_type, headers=headers)


def _form_of(request: Request) -> TableFormat:
    kind = media_type(request.headers)
    if kind not in FORMATS:
        raise UnsupportedMediaError(
            f"The content type {kind!r:.60} is no table's.", hint=f"Allowed: {', '.join(FORMATS)}."
        )
    return FORMATS[kind]
