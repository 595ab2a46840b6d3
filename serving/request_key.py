"""By what the present request is shared out between the variants of a model: the caller's key, else its own id."""

from __future__ import annotations

from serving.logs import current_scope, request_id

KEY = b"x-millrace-key"
LONGEST_KEY = 200
"""As the record of a prediction keeps it, so that the choice can be computed again from the record."""


def given_key() -> str | None:
    """The caller's own name for what is predicted, by which the truth may be told later: `X-Millrace-Key`."""
    scope = current_scope.get()
    headers = scope["headers"] if scope is not None else ()
    given = next((value for name, value in headers if name == KEY), None)
    return given.decode("latin-1")[:LONGEST_KEY] if given else None


def key_of_request() -> str:
    """The key of the present request, or its id."""
    return given_key() or request_id.get()
