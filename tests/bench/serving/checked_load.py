"""Callers that look at every answer: one connection each, one request after the other."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from urllib.parse import urlsplit

Check = Callable[[dict[str, object]], str | None]
"""What is wrong with an answer, or None."""


class CheckedLoad:
    """Some callers in threads, between `start` and `stop`."""

    def __init__(self, url: str, body: bytes, key: str, check: Check, callers: int = 4) -> None:
        self._parts, self._body, self._check = urlsplit(url), body, check
        self._headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._call, daemon=True) for _ in range(callers)]
        self.answered = 0
        self.versions: Counter[str] = Counter()
        self.failures: list[str] = []

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End after the answers that are under way."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _call(self) -> None:
        connection = http.client.HTTPConnection(self._parts.hostname, self._parts.port, timeout=30)
        while not self._stop.is_set():
            try:
                connection.request("POST", self._parts.path, self._body, self._headers)
                answer = connection.getresponse()
                content = json.loads(answer.read())
                wrong = f"{answer.status}: {content}" if answer.status != 200 else self._check(content)
            except (OSError, http.client.HTTPException, ValueError) as error:
                wrong = repr(error)
                connection.close()
                time.sleep(0.05)
            else:
                self.versions[str(content.get("model_version"))] += 1
            if wrong is None:
                self.answered += 1
            else:
                self.failures.append(wrong)
