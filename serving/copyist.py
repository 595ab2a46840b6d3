"""Keeps this machine's copies of made specs fresh while the service runs, in a thread of its own."""

from __future__ import annotations

import logging
import threading

from millrace.authoring.mirror import Mirror

log = logging.getLogger(__name__)


class Copyist:
    """Looks every few seconds, and at once when a pipeline was changed here. Several services of a machine may."""

    def __init__(self, mirror: Mirror, seconds: float) -> None:
        self._mirror = mirror
        self._seconds = seconds
        self._stop = threading.Event()

    def start(self) -> None:
        """Begin to look."""
        threading.Thread(target=self._work, name="copyist", daemon=True).start()

    def look_now(self) -> None:
        """Copy what has just been changed; the thread does it later where it cannot be done now."""
        self._mirror.try_look()

    def close(self) -> None:
        """Look no more."""
        self._stop.set()

    def _work(self) -> None:
        while True:
            try:
                self._mirror.try_look()
            except Exception:
                log.exception("the copying of specs failed")
            if self._stop.wait(self._seconds):
                return
