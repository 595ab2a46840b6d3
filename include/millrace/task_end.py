"""How a scheduler's task ends when its work failed: with one sentence, and a word on whether a retry may mend it.

It knows Airflow's habits but does not import Airflow. Airflow's page of a task cuts long lines off, and shows what a
task exited with behind other things: so what was found and what to do are a line each, before the task ends.
"""

from __future__ import annotations

import logging
from typing import Any, NoReturn

from millrace.errors import MillraceError
from millrace.revealed import hidden
from millrace.stages.base import error_document

log = logging.getLogger(__name__)


class StageFailedError(SystemExit):
    """Ends a task with one sentence in its log; Airflow adds a stack trace to any other kind of exception."""

    def __init__(self, document: dict[str, Any]) -> None:
        super().__init__(document["message"])
        self.document = document


class StageRefusedError(StageFailedError):
    """A failure that no retry can mend: bad data, a bad spec."""


def end_task(error: Exception) -> NoReturn:
    """End the task for this error. Raises StageFailedError, or StageRefusedError where a retry is of no use."""
    document = error_document(error)
    if document["code"] == "internal_error":
        log.warning("This is a fault of the program, not of the data.", exc_info=error)
    hint = hidden(error.hint or "") if isinstance(error, MillraceError) else ""
    log.error("%s", document["message"].removesuffix(hint).rstrip())
    if hint:
        log.error("What to do: %s", hint)
    mendable_by_retry = getattr(error, "retryable", not isinstance(error, MillraceError))
    raise (StageFailedError if mendable_by_retry else StageRefusedError)(document) from None
