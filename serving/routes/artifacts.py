"""The files of a run, read from S3 and handed on: plots and the validation report."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from serving.answers import errors
from serving.deps import ServicesDep
from serving.run_artifacts import artifact_uri, media_type

router = APIRouter(prefix="/api/v1/runs", tags=["platform"])

# A report quotes values from the data. In a sandbox without an origin it can neither read the API nor the console.
_SANDBOX = (
    "sandbox allow-scripts; default-src 'none'; img-src data:; font-src data:; "
    "style-src 'unsafe-inline'; script-src 'unsafe-inline'; frame-ancestors 'self'"
)


@router.get("/{run_id}/artifacts/{path:path}", response_class=Response, responses=errors(404, 503))
def artifact(run_id: str, path: str, services: ServicesDep) -> Response:
    """Read one file that the run's record lists."""
    uri = artifact_uri(services.runs.get_run(run_id), path)
    content = services.artifacts.get_bytes(uri)
    headers = {"Content-Security-Policy": _SANDBOX, "Cache-Control": "private, max-age=60"}
    return Response(content, media_type=media_type(uri), headers=headers)
