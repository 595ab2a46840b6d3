"""The pages of a pipeline's checks, as they were drawn: read from S3 and handed on in a sandbox of their own."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from starlette.responses import Response

from millrace.errors import NotFoundError
from serving.access.failures import NotSignedInError
from serving.access.permissions import Permission, require
from serving.access.tokens import TICKET_SECONDS
from serving.answers import errors, now
from serving.deps import Services, ServicesDep
from serving.logs import request_id
from serving.routes.artifacts import TicketAnswer

router = APIRouter(prefix="/api/v1", tags=["platform"])
_READ, _PUBLIC = ([Depends(require(permission))] for permission in (Permission.READ, Permission.PUBLIC))
_SUBJECT = "checks of "
"""Before a pipeline's name: the ticket of a run opens no page of a check, and the other way round."""

# The page draws itself by scripts that it carries. It quotes values from the data, so it has no origin from which it
# could read the API, reaches no other host, and opens no window.
_SANDBOX = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data: blob:; font-src data:; frame-ancestors 'self'"
)
Page = Annotated[str, Path(pattern=r"^[a-z]+_html$", description="Its name in the report's `pages`.")]


@router.get(
    "/pipelines/{name}/monitoring/{check}/pages/{page}",
    response_class=Response,
    responses=errors(404, 503),
    dependencies=_READ,
)
def check_page(name: str, check: str, page: Page, services: ServicesDep) -> Response:
    """Read one page that a check's report lists."""
    return _page(name, check, page, services)


@router.get("/pipelines/{name}/monitoring/ticket", responses=errors(401, 403, 503), dependencies=_READ)
def check_ticket(name: str, services: ServicesDep) -> TicketAnswer:
    """Make a ticket for the pages of one pipeline's checks: a browser sends no token for a new tab."""
    made = services.access.tokens.make_ticket(f"{_SUBJECT}{name}")
    return TicketAnswer(timestamp=now(), request_id=request_id.get(), ticket=made, expires_in=TICKET_SECONDS)


@router.get(
    "/check-tickets/{ticket}/{check}/{page}",
    response_class=Response,
    responses=errors(401, 404, 503),
    dependencies=_PUBLIC,
)
def check_page_by_ticket(ticket: str, check: str, page: Page, services: ServicesDep) -> Response:
    """Read one page of the checks that the ticket is for."""
    subject = services.access.tokens.read_ticket(ticket) or ""
    if not subject.startswith(_SUBJECT):
        raise NotSignedInError("The ticket does not count: it is forged or too old.", hint="Load the checks again.")
    return _page(subject.removeprefix(_SUBJECT), check, page, services)


def _page(name: str, check: str, page: str, services: Services) -> Response:
    content = services.artifacts.get_bytes(_uri(services.monitoring.report(name, check), check, page))
    headers = {"Content-Security-Policy": _SANDBOX, "Cache-Control": "private, max-age=60"}
    return Response(content, media_type="text/html", headers=headers)


def _uri(report: dict[str, Any] | None, check: str, page: str) -> str:
    """Where a page lies: looked up, never put together. Raises NotFoundError."""
    if report is None:
        raise NotFoundError(f"There is no check '{check}'.")
    pages: dict[str, str] = {key: uri for part in report["parts"].values() for key, uri in part["pages"].items()}
    if page not in pages:
        gone = "Its pages were removed; monitoring.keep_pages says how many checks keep theirs."
        listed = ", ".join(key for key in pages if key.endswith("_html"))
        hint = gone if report.get("pages_removed") else f"It has: {listed or 'none'}."
        raise NotFoundError(f"The check '{check}' has no page '{page}'.", hint=hint)
    return pages[page]
