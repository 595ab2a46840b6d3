"""The files of a run, read from S3 and handed on: plots and the validation report."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from serving.access.failures import NotSignedInError
from serving.access.permissions import Permission, require
from serving.access.tokens import TICKET_SECONDS
from serving.answers import Answer, errors, now
from serving.deps import Services, ServicesDep
from serving.logs import request_id
from serving.run_artifacts import artifact_uri, media_type

router = APIRouter(prefix="/api/v1", tags=["platform"])
_READ, _PUBLIC = ([Depends(require(permission))] for permission in (Permission.READ, Permission.PUBLIC))

# A report quotes values from the data: it runs no script, loads nothing from elsewhere, and has no origin from which
# it could read the API.
_SANDBOX = "sandbox; default-src 'none'; img-src data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'self'"


class TicketAnswer(Answer):
    """A ticket, and for how many seconds it counts."""

    ticket: str
    expires_in: int


@router.get(
    "/runs/{run_id}/artifacts/{path:path}", response_class=Response, responses=errors(404, 503), dependencies=_READ
)
def artifact(run_id: str, path: str, request: Request, services: ServicesDep) -> Response:
    """Read one file that the run's record lists."""
    return _file(run_id, path, request, services)


@router.get("/runs/{run_id}/ticket", responses=errors(401, 403, 404, 503), dependencies=_READ)
def ticket(run_id: str, services: ServicesDep) -> TicketAnswer:
    """Make a ticket for the files of one run: a browser sends no token for an image or a new tab."""
    services.runs.get_run(run_id)
    made = services.access.tokens.make_ticket(run_id)
    return TicketAnswer(timestamp=now(), request_id=request_id.get(), ticket=made, expires_in=TICKET_SECONDS)


@router.get(
    "/tickets/{ticket}/{path:path}", response_class=Response, responses=errors(401, 404, 503), dependencies=_PUBLIC
)
def artifact_by_ticket(ticket: str, path: str, request: Request, services: ServicesDep) -> Response:
    """Read one file of the run that the ticket is for."""
    run_id = services.access.tokens.read_ticket(ticket)
    if run_id is None:
        raise NotSignedInError("The ticket does not count: it is forged or too old.", hint="Load the run's page again.")
    return _file(run_id, path, request, services)


def _file(run_id: str, path: str, request: Request, services: Services) -> Response:
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
