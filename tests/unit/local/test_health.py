"""Probes, asked of real sockets."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from millrace.local.health import AirflowComponentBeats, PortAnswers, UrlAnswers

ANSWERS: dict[str, tuple[int, bytes]] = {}


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status, body = ANSWERS[self.path]
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture(scope="module")
def server() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


def _answer(server: ThreadingHTTPServer, path: str, status: int, body: object) -> str:
    ANSWERS[path] = (status, body if isinstance(body, bytes) else json.dumps(body).encode())
    return f"http://127.0.0.1:{server.server_port}{path}"


def test_a_port_answers_or_not(server: ThreadingHTTPServer) -> None:
    assert PortAnswers("127.0.0.1", server.server_port)(0)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        assert not PortAnswers("127.0.0.1", unused.getsockname()[1])(0)


def test_a_server_that_does_not_speak_http_is_not_healthy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=lambda: server.accept()[0].sendall(b"nonsense\r\n\r\n"), daemon=True).start()
        assert not UrlAnswers(f"http://127.0.0.1:{server.getsockname()[1]}/")(0)


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (404, False), (503, False)])
def test_a_url_is_healthy_at_200_only(
    server: ThreadingHTTPServer, status: int, healthy: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # a proxy is not asked for the own machine
    assert UrlAnswers(_answer(server, f"/{status}", status, b"ok"))(0) is healthy


def test_a_component_must_have_beaten_since_its_start(server: ThreadingHTTPServer) -> None:
    now = time.time()
    beat = datetime.fromtimestamp(now, UTC).isoformat()
    url = _answer(server, "/health", 200, {"scheduler": {"status": "healthy", "latest_scheduler_heartbeat": beat}})
    assert AirflowComponentBeats(url, "scheduler")(now - 5)
    assert not AirflowComponentBeats(url, "scheduler")(now + 60)
    assert not AirflowComponentBeats(url, "triggerer")(now - 5)


@pytest.mark.parametrize(
    "body",
    [b"<html>", [], {"scheduler": {"status": "unhealthy", "latest_scheduler_heartbeat": "2050-01-01T00:00:00Z"}},
     {"scheduler": {"status": "healthy", "latest_scheduler_heartbeat": None}}],
)  # fmt: skip
def test_an_odd_answer_is_not_health(server: ThreadingHTTPServer, body: object) -> None:
    assert not AirflowComponentBeats(_answer(server, "/odd", 200, body), "scheduler")(0)
