"""The errors that only changes of made pipelines raise."""

from __future__ import annotations

from millrace.errors import ConflictError


class StaleVersionError(ConflictError):
    """The change was made against a version that is not the present one."""

    code = "stale_version"
    http_status = 412
    retryable = False


class NoVersionError(ConflictError):
    """The change does not say against which version it was made."""

    code = "version_required"
    http_status = 428
    retryable = False
