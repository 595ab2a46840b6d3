"""How to know that a program is healthy. Each probe asks once and answers at once; nothing here waits."""

from __future__ import annotations

import json
import socket
import ssl
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPException
from pathlib import Path
from typing import Any, Protocol

PROBE_SECONDS = 5.0
OK = 200
_NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Probe(Protocol):
    """Whether a program, started at `started` (Unix time), is healthy now."""

    def __call__(self, started: float) -> bool:
        """Ask once."""


@dataclass(frozen=True)
class PortAnswers:
    """The program accepts connections on its port."""

    host: str
    port: int

    def __call__(self, started: float) -> bool:
        """Connect once."""
        try:
            with socket.create_connection((self.host, self.port), timeout=PROBE_SECONDS) as connection:
                # A port among those that the system gives to clients may be given to this very connection.
                return bool(connection.getsockname() != connection.getpeername())
        except OSError:
            return False


@dataclass(frozen=True)
class UrlAnswers:
    """The URL answers 200; by https with just this certificate, whoever it was made out to and signed by."""

    url: str
    certificate: Path | None = None

    def __call__(self, started: float) -> bool:
        """Get it once."""
        try:
            with self._opener().open(self.url, timeout=PROBE_SECONDS) as response:
                return bool(response.status == OK)
        except (OSError, HTTPException):
            return False

    def _opener(self) -> urllib.request.OpenerDirector:
        if self.certificate is None:
            return _NO_PROXY
        context = ssl.create_default_context(cafile=str(self.certificate))
        context.check_hostname = False
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        return urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )


@dataclass(frozen=True)
class AirflowComponentBeats:
    """Airflow's API says that this component has sent a heartbeat since it was started."""

    url: str
    component: str

    def __call__(self, started: float) -> bool:
        """Ask Airflow once; a heartbeat from before a restart does not count."""
        try:
            with _NO_PROXY.open(self.url, timeout=PROBE_SECONDS) as response:
                answer: dict[str, Any] = json.load(response)[self.component]
            beat = answer[f"latest_{self.component}_heartbeat"]
            return answer["status"] == "healthy" and _unix_time(beat) >= started - 1
        except (OSError, HTTPException, ValueError, KeyError, TypeError):
            return False


def _unix_time(text: str) -> float:
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
