"""How an error reaches the person at the terminal: one clear line and an exit code, never a stack trace.

0 success, 1 a failed run or an unreachable part, 2 bad usage or a bad spec, 130 interrupted.
"""

from __future__ import annotations

import os

from millrace.cli.output import note
from millrace.errors import MillraceError, NotFoundError, RequestError, SettingsError, SpecError
from millrace.revealed import hidden

FAILED = 1
BAD_USAGE = 2


class CommandError(MillraceError):
    """The command line asks for something that is not there or does not fit together."""

    code = "bad_usage"
    http_status = 422


_ASKED_WRONGLY = (CommandError, SpecError, SettingsError, NotFoundError, RequestError)


def debugging() -> bool:
    """Whether stack traces are wanted: `--debug` or MILLRACE_DEBUG=1."""
    return os.environ.get("MILLRACE_DEBUG", "") not in {"", "0"}


def exit_code_of(error: BaseException) -> int:
    """The exit code that stands for this error."""
    return BAD_USAGE if isinstance(error, _ASKED_WRONGLY) else FAILED


def error_document(error: BaseException) -> dict[str, str]:
    """The error as `{"code", "message"}`, as scripts read it."""
    if isinstance(error, MillraceError):
        return {"code": error.code, "message": hidden(str(error))}
    text = str(error).strip().splitlines()
    return {"code": "internal_error", "message": hidden(f"{type(error).__name__}: {text[0] if text else 'no message'}")}


def report(error: BaseException) -> int:
    """Say on standard error what went wrong; returns the exit code."""
    message = error_document(error)["message"]
    if not isinstance(error, MillraceError):
        message += "  (unexpected; millrace --debug shows where)"
    note(f"error: {message}")
    return exit_code_of(error)
