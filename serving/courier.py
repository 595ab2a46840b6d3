"""Delivers the news of alerts while the service runs, in a thread of its own; who raised them does not matter."""

from __future__ import annotations

import logging
import threading

from millrace.alerts.desk import AlertDesk
from millrace.errors import MillraceError

log = logging.getLogger(__name__)


class Courier:
    """Looks every few seconds for news that are due. Several services may: each news is claimed by one of them."""

    def __init__(self, desk: AlertDesk) -> None:
        self._desk = desk
        self._stop = threading.Event()

    def start(self) -> None:
        """Begin to deliver."""
        threading.Thread(target=self._work, name="courier", daemon=True).start()

    def close(self) -> None:
        """Deliver no more; what is under way is tried again by the next one."""
        self._stop.set()

    def _work(self) -> None:
        while not self._stop.wait(self._desk.options.alert_seconds):
            try:
                self._desk.deliver()
            except MillraceError as error:
                log.warning("alerts cannot be delivered now: %s", error)
            except Exception:
                log.exception("the delivery of alerts failed")
