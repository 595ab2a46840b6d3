"""Whatever stands on the wire, the short way and uvicorn's own protocol answer it alike."""

from __future__ import annotations

import json
import re

import pytest
from examples import examples
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from wire import PATH, Wire, ordinary

from millrace.compiled.form import compiled_form

pytestmark = pytest.mark.integration
ROW = {"T": 15.0, "RH": 40.0, "wheels": 3, "district": "north", "open": True, "observed_at": "2024-01-31T13:00:00Z"}
BODY = json.dumps(ROW).encode()
LAST = b"GET /ping HTTP/1.1\r\nHost: mill\r\nConnection: close\r\n\r\n"
VOLATILE = re.compile(rb'"(timestamp|request_id)":"[^"]*"')


def asked(*headers, method="POST", path=PATH, version="HTTP/1.1", body=BODY, length=None):
    """One request."""
    fields = "".join(f"{header}\r\n" for header in ("Host: mill", *headers))
    framing = "" if length == "none" else f"Content-Length: {len(body) if length is None else length}\r\n"
    return f"{method} {path} {version}\r\n{fields}{framing}\r\n".encode("latin-1") + body


def in_chunks(*headers, coding="chunked", size=b"%x", end=b"0\r\n\r\n", body=BODY):
    """One request whose body comes in two chunks."""
    parts = b"".join(size % len(part) + b"\r\n" + part + b"\r\n" for part in (body[:10], body[10:]))
    return asked(*headers, f"Transfer-Encoding: {coding}", length="none", body=parts + end)


def row(**changes):
    """A body with other values."""
    return json.dumps({**ROW, **changes}).encode()


ADDRESSES = (
    PATH.replace("mill-flow", "%6dill-flow"), PATH.replace("mill-flow", "MILL-FLOW"), PATH.replace("mill", "m%69ll"),
    PATH.replace("/api", "//api"), PATH + "/", PATH + ";x", PATH + "#x", PATH + "?", PATH + "?x=1",
    PATH + "?probabilities=true", PATH + "?probabilities=1", PATH + "?probabilities=true&probabilities=false",
    PATH + "?probabilities=maybe", PATH.replace("/predict", "/%70redict"), PATH.replace("/api", "/x/../api"),
    f"http://mill{PATH}", f"http://elsewhere{PATH}", "*", PATH.replace("mill-flow", "mill%2fflow"), PATH + "%00",
)  # fmt: skip
HEADERS = (
    ("CONTENT-TYPE: text/plain",), ("Content-Type: application/json; charset=utf-16",), ("Accept-Encoding: gzip",),
    ("Expect: something",), ("Connection: close",), ("Connection: keep-alive, x",),
    ("Upgrade: websocket",), ("Origin: http://elsewhere",), ("X-Request-ID: one two",), ("X-Request-ID:",),
    ("X-Request-ID: " + "i" * 65,), ("X-Request-ID: a", "X-Request-ID: b"), ("X-Millrace-Key:",),
    ("X-Millrace-Key: a", "X-Millrace-Key: b"), ("X-Millrace-Key: " + "k" * 300,), ("Authorization: Basic eDp5",),
    ("Authorization: Bearer",), ("Authorization: Bearer mr_wrong",), ("X-API-Key: wrong",), ("X-API-Key:",),
    ("Authorization: Basic eDp5", "X-API-Key: wrong"), ("Content-Encoding: identity",), ("Content-Encoding: gzip",),
    ("Content-Encoding: br",), ("X-Millrace-Deadline-Ms: 0",), ("X-Millrace-Deadline-Ms: soon",),
    ("X-Forwarded-For: 10.1.1.1", "X-Forwarded-Proto: https"), ("X-Folded: a\r\n b",), ("X-Space : a",), ("X-Nul: \0",),
    ("X-Ümlaut: a",), ("X-Value: ü",), ("Host: other",), ("Content-Length: 5",), ("Content-Length: +5",),
    (f"Content-Length: {len(BODY)}",), ("Transfer-Encoding: chunked",), ("Transfer-Encoding: identity",),
)  # fmt: skip
BODIES = (
    b"", b" ", b"{", b"[]", b"{}", b"null", b"1", b'"x"', b"\xef\xbb\xbf" + BODY, BODY + b" ", BODY + b"x", b" " + BODY,
    BODY.replace(b"15.0", b"NaN"), BODY.replace(b"15.0", b"1e999"), BODY.replace(b"15.0", b"-Infinity"),
    BODY.replace(b"15.0", b"9" * 400), BODY.replace(b"15.0", b"9" * 5000), BODY.replace(b"15.0", b"015"),
    BODY.replace(b"15.0", b"1E2"), BODY.replace(b"15.0", b"-0"), BODY.replace(b"15.0", b"1" + b"0" * 30),
    BODY.replace(b": 3,", b": 3.0,"), BODY.replace(b": 3,", b": 3e0,"),
    BODY.replace(b": 3,", b": 9223372036854775808,"),
    BODY.replace(b'"T"', b'"\\u0054"'), BODY[:-1] + b', "T": 1}', BODY[:-1] + b', "\\u0054": 1}',
    BODY.replace(b"north", b"\\ud800"), BODY.replace(b"north", b"\\ud83d\\ude00"), BODY.replace(b"north", b"\xff"),
    BODY.replace(b"north", b"n\\u0000"), BODY.replace(b"north", b"n\x00"), BODY.replace(b"north", b'n\\"'),
    row(T=None), row(RH=None), row(T=True), row(T="15"), row(open="true"), row(open=1), row(open=None), row(district=3),
    row(observed_at=0), row(observed_at="2024-01-31"), row(observed_at="0000-00-00"),
    row(observed_at="9999-12-31T23:59:59Z"),
    row(T=[15]), row(T={}), row(mills=1), b"[" * 100_000, b'{"a":' * 2_000, row(T=1e308), row(T=5e-324),
)  # fmt: skip
SHAPES = {
    "plain": asked(),
    **{f"path {path[:60]}": asked(path=path) for path in ADDRESSES},
    **{f"headers {headers!r:.60}": asked(*headers) for headers in HEADERS},
    **{f"body {number}: {body[:40]!r}": asked(body=body) for number, body in enumerate(BODIES)},
    **{f"method {m}": asked(method=m) for m in ("post", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "FOO", "GET")},
    **{f"version {v}": asked(version=v) for v in ("HTTP/1.0", "HTTP/1.2", "HTTP/2.0", "HTTP/0.9", "http/1.1", "")},
    "1.0 kept alive": asked("Connection: keep-alive", version="HTTP/1.0"),
    "no length": asked(length="none"),
    "length too small": asked(length=len(BODY) - 1),
    "negative length": asked(length=-1),
    "huge length": asked(length=10**30),
    "length in words": asked(length="ten"),
    "chunked": in_chunks(),
    "chunked in capitals": in_chunks(coding="CHUNKED", size=b"%X"),
    "chunks with extensions": in_chunks(size=b'%x;a="b"'),
    "chunks with zeros": in_chunks(size=b"000%x"),
    "chunk of no size": in_chunks(size=b"x%x"),
    "chunk below zero": in_chunks(size=b"-%x"),
    "chunks with fields behind": in_chunks(end=b"0\r\nX-Late: a\r\n\r\n"),
    "chunked twice": in_chunks(coding="chunked, chunked"),
    "chunked and more": in_chunks(coding="chunked, gzip"),
    "gzip and chunked": in_chunks(coding="gzip, chunked"),
    "another coding": in_chunks(coding="xchunked"),
    "coding with a tab": in_chunks(coding="\tchunked"),
    "coding and length": in_chunks("Content-Length: 4"),
    "chunk without its end": in_chunks(end=b"0\r\n"),
    "bare line feeds": asked().replace(b"\r\n", b"\n"),
    "lines before": b"\r\n\r\n" + asked(),
    "noise": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + asked(),
}


BROKEN = b"Invalid HTTP request received."
"""The refusal of what is no request; alone, each such shape is answered alike."""


@pytest.fixture
def ways(settings, register, fitted, inputs, start):
    """The service by both ways, with a compiled model."""
    model = fitted(1.0)
    register(model, files=compiled_form(model, inputs).files())
    with start(settings) as quick, ordinary(settings) as plain:
        yield quick, plain


def answers(client, content):
    """All that comes back until the connection ends: status, names of the headers, body."""
    wire, found = Wire(client), []
    try:
        for start in range(0, len(content), 30_000):
            wire.send(content[start : start + 30_000])
        wire.send(LAST)
        while line := wire.file.readline():
            headers = {}
            while (field := wire.file.readline().strip()) != b"":
                name, _, value = field.partition(b":")
                headers[name.lower()] = value.strip()
            body = wire.file.read(int(headers.get(b"content-length", 0)))
            found.append((line.split()[1], sorted(headers), VOLATILE.sub(b"", body)))
    except ConnectionError:  # closed while more was sent: what was read so far counts
        pass
    finally:
        wire.socket.close()
    return found


def test_every_shape_is_answered_alike(ways):
    quick, plain = ways
    different = {}
    for name, content in SHAPES.items():
        one, other = answers(quick, content), answers(plain, content)
        if one != other:
            different[name] = (one, other)
        assert one, name
    assert different == {}
    assert answers(quick, asked())[0][0] == b"200"


@given(data=st.data())
@examples(30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_shapes_behind_one_another_are_answered_alike(ways, data):
    quick, plain = ways
    names = data.draw(st.lists(st.sampled_from(sorted(SHAPES)), min_size=2, max_size=5))
    content = b"".join(SHAPES[name] for name in names)
    # A broken request is refused at once, before or after those in front of it are answered: what came first is alike.
    for one, other in zip(answers(quick, content), answers(plain, content), strict=False):
        if BROKEN in (one[2], other[2]):
            break
        assert one == other
