"""Errors and spans as a real receiver gets them: what is in them, and what is not."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from millrace import revealed
from millrace.errors import SettingsError
from serving.app import create_app

pytestmark = pytest.mark.integration
NAME = "mill-flow"
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SECRET = "hush-hush-hush"
UNSENT = {"cookie": "cookie-monster", "header": "custom-header", "query": "query-string", "variable": "a-local-value"}
"""Apart from the code that fails: Sentry shows the lines around it."""


def plain(body: bytes, encoding: str | None) -> bytes:
    """A body as it was before it was compressed."""
    if encoding == "br":
        import brotli

        return brotli.decompress(body)
    return gzip.decompress(body) if encoding == "gzip" else body


class Receiver:
    """A server that keeps what is posted to it."""

    def __init__(self) -> None:
        self.posts: list[tuple[str, bytes]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                receiver.posts.append((self.path, plain(body, self.headers.get("Content-Encoding"))))
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    yield found
    found.close()


@pytest.fixture
def model(register, fitted) -> str:
    return register(fitted(1.0), compiled=True)


def attributes(span) -> dict:
    kinds = ("string_value", "int_value", "double_value")
    return {a.key: next(getattr(a.value, k) for k in kinds if a.value.HasField(k)) for a in span.attributes}


def test_a_prediction_is_a_span_of_its_callers_trace(settings, model, start, inputs, receiver, monkeypatch):
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{receiver.port}")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "millrace-test")
    row = inputs.dropna().head(1).to_json(orient="records", date_format="iso")[1:-1]
    headers = {"traceparent": f"00-{TRACE}-{PARENT}-01", "X-Request-ID": "asked-1", "Authorization": f"Bearer {SECRET}"}
    with start(settings) as client:
        assert client.post(f"/api/v1/models/{NAME}/predict", content=row).status_code == 200
        del headers["Authorization"]
        answer = client.post(f"/api/v1/models/{NAME}/predict", content=row, headers=headers)
        assert answer.status_code == 200
        assert client.get("/api/v1/models/absent", headers={"Authorization": f"Bearer {SECRET}"}).status_code == 401
        client.get("/health/live")
    spans = []
    for path, body in receiver.posts:
        assert path == "/v1/traces"
        assert SECRET.encode() not in body
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            about = {a.key: a.value.string_value for a in resource.resource.attributes}
            assert about["service.name"] == "millrace-test"
            spans += [span for scope in resource.scope_spans for span in scope.spans]
    assert len(spans) == 3  # the probe is none
    theirs = next(span for span in spans if span.trace_id.hex() == TRACE)
    assert theirs.parent_span_id.hex() == PARENT
    said = attributes(theirs)
    assert (said["millrace.model"], said["millrace.model_version"], said["millrace.rows"]) == (NAME, model, 1)
    assert (said["http.response.status_code"], said["millrace.request_id"]) == (200, "asked-1")
    assert theirs.name == "POST /api/v1/models/{name}/predict"
    own = next(span for span in spans if span.trace_id.hex() != TRACE and attributes(span).get("millrace.model"))
    assert own.parent_span_id == b""
    assert {attributes(span)["http.response.status_code"] for span in spans} == {200, 401}


def test_an_unexpected_error_reaches_sentry_without_what_was_sent(settings, registry, start, receiver, monkeypatch):
    monkeypatch.setattr(revealed, "_revealed", {SECRET})
    monkeypatch.setenv("SENTRY_DSN", f"http://public@127.0.0.1:{receiver.port}/7")

    def broken(self, *_: object) -> None:
        password_of_somebody = "in a variable"  # noqa: F841
        raise RuntimeError(f"the wheel broke at {SECRET}")

    monkeypatch.setattr("millrace.stores.runs.MongoRunStore.get_run", broken)
    with start(settings) as client:
        headers = {"X-Request-ID": "asked-2", "Cookie": f"a={UNSENT['cookie']}", "X-Custom": UNSENT["header"]}
        answer = client.get("/api/v1/runs/r1", params={"q": UNSENT["query"]}, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
        assert "wheel" not in answer.text
    envelopes = [body for path, body in receiver.posts if path.startswith("/api/7/envelope")]
    assert envelopes
    text = b"".join(envelopes).decode()
    for unsent in (SECRET, *UNSENT.values()):
        assert unsent not in text
    events = [json.loads(line) for body in envelopes for line in body.splitlines() if b'"exception"' in line]
    event = next(event for event in events if "exception" in event)
    assert event["exception"]["values"][-1]["value"] == "the wheel broke at ***"
    assert event["exception"]["values"][-1]["stacktrace"]["frames"]
    assert event["tags"] == {"request_id": "asked-2", "method": "GET", "path": "/api/v1/runs/r1"}
    assert event["user"] == {"username": "anonymous"}
    assert "request" not in event


@pytest.mark.parametrize(
    ("variable", "value"), [("SENTRY_DSN", "not a dsn"), ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318")]
)
def test_an_address_that_is_none_is_told_at_the_start(settings, monkeypatch, variable, value):
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=variable):
        create_app(settings)


def test_a_receiver_that_is_away_costs_no_answer(settings, model, start, inputs, monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    row = inputs.dropna().head(1).to_json(orient="records", date_format="iso")[1:-1]
    with start(settings) as client:
        answers = [client.post(f"/api/v1/models/{NAME}/predict", content=row).status_code for _ in range(5)]
    assert answers == [200] * 5


def test_where_nothing_is_set_nothing_is_imported(tmp_path):
    program = (
        "import sys; from pathlib import Path; from millrace.settings import Settings; "
        "from serving.app import create_app;"
        f"create_app(Settings(millrace_home=Path({str(tmp_path)!r})));"
        "print([name for name in sys.modules if name.split('.')[0] in {'sentry_sdk', 'opentelemetry'}])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
