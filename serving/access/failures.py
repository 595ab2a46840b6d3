"""What a caller is refused for; `serving.errors` shows it."""

from __future__ import annotations

import math

from millrace.errors import MillraceError


class RefusedError(MillraceError):
    """The caller may not do this; `headers` go with the answer."""

    headers: dict[str, str] = {}  # noqa: RUF012 - replaced by an instance's own, never changed


class NotSignedInError(RefusedError):
    """Who asks is not known: no token or key, or one that does not count any more."""

    code = "not_signed_in"
    http_status = 401
    headers = {"WWW-Authenticate": "Bearer"}  # noqa: RUF012


class ForbiddenError(RefusedError):
    """Who asks is known, and may not do this."""

    code = "forbidden"
    http_status = 403


class TooManyRequestsError(RefusedError):
    """More requests than this caller may make, or more wrong passwords."""

    code = "too_many_requests"
    http_status = 429
    retryable = True

    @classmethod
    def after(cls, message: str, seconds: float) -> TooManyRequestsError:
        """The refusal that says how long to wait."""
        whole = max(1, math.ceil(seconds))
        error = cls(message, hint=f"Try again in {whole} s.")
        error.headers = {"Retry-After": str(whole)}
        return error
