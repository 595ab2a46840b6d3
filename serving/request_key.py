"""By what the present request is shared out between the variants of a model: the caller's key, else its own id."""

from __future__ import annotations

from serving.logs import current_scope, request_id
from serving.records.recorder import key_of


def key_of_request() -> str:
    """The header `X-Millrace-Key` of the present request as its record keeps it, or its id."""
    scope = current_scope.get()
    return key_of(scope["headers"] if scope is not None else ()) or request_id.get()
