"""The one family of errors that Millrace raises on purpose.

Each error carries a stable code, an HTTP status, what was found, and how to mend it. Entrances (CLI, service, DAGs)
map them in one place; nothing here knows how an error is shown.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any


class MillraceError(Exception):
    """An error that a person can mend: `message` says what was found, `hint` what to do about it.

    `details` is small JSON for programs. `retryable` tells a scheduler whether the same call may succeed later.
    """

    code = "millrace_error"
    http_status = 500
    retryable = False

    def __init__(self, message: str, *, hint: str | None = None, details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = details or {}

    def __str__(self) -> str:
        return f"{self.message} {self.hint}" if self.hint else self.message

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (type(self), self.message, self.hint, self.details))

    def as_document(self) -> dict[str, Any]:
        """The error as it stands in a run record and in an API answer: `code`, `message`, and `details` if any."""
        document: dict[str, Any] = {"code": self.code, "message": str(self)}
        if self.details:
            document["details"] = self.details
        return document


def _rebuild(kind: type[MillraceError], message: str, hint: str | None, details: dict[str, Any]) -> MillraceError:
    return kind(message, hint=hint, details=details)


class SettingsError(MillraceError):
    """A setting is missing, malformed, or a default secret outside the embedded stack."""

    code = "bad_settings"


class SpecError(MillraceError):
    """A pipeline spec cannot be read or does not say what it must."""

    code = "bad_spec"
    http_status = 422


class SourceError(MillraceError):
    """The source cannot be read: it is missing, unreachable, of another format, or of another encoding."""

    code = "bad_source"
    http_status = 422


class SourceUnavailableError(SourceError):
    """The source did not answer; the same read may succeed later."""

    code = "source_unavailable"
    http_status = 503
    retryable = True


class DataError(MillraceError):
    """The table was read, but it is not one that this pipeline can go on with."""

    code = "bad_data"
    http_status = 422


class ValidationFailedError(DataError):
    """An expectation with `on_failure: fail` did not hold, or too many rows were quarantined."""

    code = "validation_failed"


class ValidationToolError(MillraceError):
    """The validation tool itself failed: this says nothing about the data."""

    code = "validation_tool_failed"


class TransformError(DataError):
    """A transform or feature step cannot be applied to this table."""

    code = "transform_failed"


class SinkError(MillraceError):
    """The transformed table could not be written to a declared sink."""

    code = "sink_failed"


class SinkUnavailableError(SinkError):
    """The sink did not answer; the same write may succeed later."""

    code = "sink_unavailable"
    http_status = 503
    retryable = True


class TrainingError(DataError):
    """No model can be fitted from this table with these candidates."""

    code = "training_failed"


class AllocationError(DataError):
    """A demand cannot be allocated: the input is no problem, or its limits conflict."""

    code = "allocation_failed"


class StorageError(MillraceError):
    """MongoDB, S3 or MLflow refused a call or does not answer; the same call may succeed later."""

    code = "storage_unavailable"
    http_status = 503
    retryable = True


class ConflictError(MillraceError):
    """Another writer got there first; this one's write was refused and nothing was lost."""

    code = "conflict"
    http_status = 409
    retryable = True


class NotFoundError(MillraceError):
    """The named pipeline, run, model or version does not exist."""

    code = "not_found"
    http_status = 404


class RequestError(MillraceError):
    """A request does not fit the model's input schema."""

    code = "bad_request"
    http_status = 422


class BusyError(MillraceError):
    """Too much of the same is under way; the same call may succeed a moment later."""

    code = "busy"
    http_status = 503
    retryable = True


class StackError(MillraceError):
    """The embedded stack could not be started, stopped or reached."""

    code = "stack_failed"


def did_you_mean(found: str, allowed: Iterable[str]) -> str:
    """A hint that names the allowed values, the nearest one first: `Did you mean 'csv'? Allowed: csv, excel.`"""
    names = [str(name) for name in allowed]
    near = difflib.get_close_matches(str(found), names, n=1, cutoff=0.5)
    listing = f"Allowed: {', '.join(sorted(names))}."
    return f"Did you mean '{near[0]}'? {listing}" if near else listing
