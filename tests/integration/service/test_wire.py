"""What a client may do with the bytes of its requests, on purpose or not: nobody gets an answer that is not theirs."""

from __future__ import annotations

import json
import sys
import time

import pytest
from wire import PATH, Wire, request

from millrace.compiled.form import compiled_form
from serving.quick import bounded
from serving.quick.protocol import QuickProtocol

pytestmark = pytest.mark.integration
ROW = {"T": 15.0, "RH": 40.0, "wheels": 3, "district": "north", "open": True, "observed_at": "2024-01-31T13:00:00Z"}
BODY = json.dumps(ROW).encode()


@pytest.fixture
def compiled(register, fitted, inputs):
    """A champion that is served compiled."""
    model = fitted(1.0)
    register(model, files=compiled_form(model, inputs).files())
    return model


def chunked(*fields: str, body=BODY) -> bytes:
    """A request whose body comes in chunks, and fields behind it."""
    head = f"POST {PATH} HTTP/1.1\r\nHost: mill\r\nX-Forwarded-For: 10.9.9.9\r\nTransfer-Encoding: chunked\r\n\r\n"
    behind = "".join(f"{field}\r\n" for field in fields)
    return head.encode() + b"%x\r\n%b\r\n0\r\n" % (len(body), body) + behind.encode() + b"\r\n"


def test_a_pipelined_request_that_is_refused_late_is_still_itself(settings, compiled, start, monkeypatch):
    monkeypatch.setenv("SERVING_ANONYMOUS_LIMIT", "2/hour")
    first = request(ROW, headers="X-Request-ID: first\r\n")
    second = request({"T": 1}, headers="X-Request-ID: second\r\n")
    with start(settings) as client:
        for _ in range(2):
            assert client.post(PATH, json=ROW).status_code == 200
        wire = Wire(client)
        wire.send(first + second + request(ROW, path="/nothing", headers="X-Request-ID: third\r\n"))
        found = [wire.read() for _ in range(3)]
    assert [(status, headers["x-request-id"]) for status, headers, _ in found] == [
        (429, "first"),
        (429, "second"),
        (429, "third"),
    ]


def test_fields_behind_a_body_are_no_headers(settings, compiled, start, monkeypatch):
    monkeypatch.setenv("SERVING_TRUSTED_PROXIES", "127.0.0.1")
    monkeypatch.setenv("SERVING_ALLOWED_ADDRESSES", "10.1.2.0/24")
    with start(settings) as client:
        wire = Wire(client)
        for fields in ((), ("X-Forwarded-For: 10.1.2.3",), ("X-Request-ID: mine", "X-Forwarded-For: 10.1.2.3")):
            wire.send(chunked(*fields))
            status, headers, body = wire.read()
            assert (status, json.loads(body)["code"]) == (403, "forbidden")
            assert headers["x-request-id"] != "mine"
        wire.send(chunked("X-Forwarded-For: 10.1.2.3").replace(PATH.encode(), b"/api/v1/models"))
        assert wire.read()[0] == 403


def given_up(wire, piece, pause=0.002):
    """Whether the service closes a connection on which the same comes on and on."""
    try:
        for _ in range(400):
            wire.send(piece)
            time.sleep(pause)
    except OSError:
        return True
    return False


def test_a_head_without_end_is_given_up(settings, compiled, start):
    beginning = f"POST {PATH} HTTP/1.1\r\nHost: mill\r\n".encode()
    with start(settings) as client:
        for piece in (b"X-A: " + b"a" * 8_000 + b"\r\n", b"a" * 8_000, b"\r\n" * 4_000):
            wire = Wire(client)
            wire.send(beginning if piece != b"\r\n" * 4_000 else b"\r\n")
            assert given_up(wire, piece)
        assert client.post(PATH, json=ROW).status_code == 200


def test_fields_without_end_behind_a_body_are_given_up(settings, compiled, start):
    with start(settings) as client:
        wire = Wire(client)
        wire.send(chunked()[:-2])
        assert given_up(wire, b"x" * 8_000)


def test_a_connection_without_a_request_is_closed(settings, compiled, start, monkeypatch):
    monkeypatch.setattr(bounded, "HEAD_SECONDS", 1.0)
    monkeypatch.setattr(sys.modules[start.__module__], "QuickProtocol", impatient(1))
    with start(settings) as client:
        silent, idle, busy, slowly = (Wire(client) for _ in range(4))
        idle.send(request(ROW))
        assert idle.read()[0] == 200
        for _ in range(6):
            busy.send(request(ROW))
            assert busy.read()[0] == 200
            time.sleep(0.5)
        assert silent.is_closed
        assert idle.is_closed
        assert given_up(slowly, b"P", pause=0.1)
        busy.send(request(ROW))
        assert busy.read()[0] == 200


def impatient(seconds):
    """A protocol that bears so much silence."""

    class Impatient(QuickProtocol):
        def __init__(self, *given, **named):
            super().__init__(*given, **named)
            self.timeout_keep_alive = seconds

    return Impatient


@pytest.mark.parametrize("path", [PATH, "/ping"])
def test_who_asks_while_the_service_stands_still_is_answered_after(settings, compiled, start, monkeypatch, path):
    class Watched(impatient(1)):
        def data_received(self, data):
            super().data_received(data)
            if b"X-Stall" in data:
                time.sleep(2)  # the whole loop stands still, longer than silence is borne

    monkeypatch.setattr(sys.modules[start.__module__], "QuickProtocol", Watched)
    content = request(ROW) if path == PATH else b"GET /ping HTTP/1.1\r\nHost: mill\r\n\r\n"
    with start(settings) as client:
        wire, other = Wire(client), Wire(client)
        wire.send(content)
        assert wire.read()[0] == 200
        other.send(request(ROW, headers="X-Stall: 1\r\n"))
        time.sleep(0.5)
        wire.send(content)
        assert wire.read()[0] == 200
