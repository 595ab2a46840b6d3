"""Drafts specs in a process of its own, one at a time: it takes seconds and memory, and reads strangers' files."""

from __future__ import annotations

import threading
from typing import Any

from millrace.authoring.tables import drafted
from millrace.errors import RequestError
from millrace.settings import Settings
from serving.apart.process import Apart
from serving.failures import OverloadedError


class Drafting:
    """The drafts of one worker; the process lives for one of them."""

    def __init__(self, settings: Settings, seconds: float) -> None:
        self._settings = settings
        self._seconds = seconds
        self._turn = threading.Lock()

    def draft(self, table: str, *asked: Any) -> dict[str, Any]:
        """See `millrace.authoring.tables.drafted`. Raises also OverloadedError, RequestError for what takes long."""
        if not self._turn.acquire(blocking=False):
            raise OverloadedError("Another table is being looked at.", hint="Try again in some seconds.")
        apart = Apart("drafts", lanes=1, niceness=5)
        try:
            found: dict[str, Any] = apart.run(drafted, self._settings, table, *asked, seconds=self._seconds)
        except TimeoutError:
            raise RequestError(
                f"'{table}' could not be looked at within {self._seconds:g} seconds.",
                hint="Use 'millrace init' on a part of it, or raise SERVING_DRAFT_SECONDS.",
            ) from None
        finally:
            apart.close()
            self._turn.release()
        return found
