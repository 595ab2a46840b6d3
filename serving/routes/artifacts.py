"""The files of a run, read from S3 and handed on: plots and the validation report."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from serving.access.permissions import Permission, require
from serving.answers import errors
from serving.deps import ServicesDep
from serving.run_artifacts import artifact_uri, media_type

router = APIRouter(prefix="/api/v1/runs", tags=["platform"], dependencies=[Depends(require(Permission.READ))])

# A report quotes values from the data: it runs no script, loads nothing from elsewhere, and has no origin from which
# it could read the API.
_SANDBOX = "sandbox; default-src 'none'; img-src data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'self'"


@router.get("/{run_id}/artifacts/{path:path}", response_class=Response, responses=errors(404, 503))
def artifact(run_id: str, path: str, request: Request, services: ServicesDep) -> Response:
    """Read one file that the run's record lists."""
    uri = artifact_uri(services.runs.get_run(run_id), path)
    content, kind = services.artifacts.get_bytes(uri), media_type(uri)
    if kind == "text/html":
        content = _styled(content, request.scope.get("root_path", ""))
    headers = {"Content-Security-Policy": _SANDBOX, "Cache-Control": "private, max-age=60"}
    return Response(content, media_type=kind, headers=headers)


def _styled(page: bytes, root: str) -> bytes:
    """The page with a style sheet of ours: its own ones lie on other hosts, which may be out of reach."""
    link = f'<link rel="stylesheet" href="{root}/console/report.css">'.encode()
    return page.replace(b"</head>", link + b"</head>", 1)
