"""The body as strict JSON, and bounded."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from starlette.requests import Request

from serving.body import parse_json, read_body
from serving.failures import MalformedBodyError, SlowBodyError, TooLargeError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(JSON)
def test_every_json_value_comes_back_as_it_was(value):
    assert parse_json(json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")) == value


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """JSON in which a few bytes were changed, added or left out: mostly no JSON any more, now and then another."""
    body = bytearray(json.dumps(draw(JSON), ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass"))
    place = draw(st.integers(0, len(body)))
    body[place : place + draw(st.integers(0, 2))] = draw(
        st.sampled_from([b"", b",", b"1", b'"', b"NaN", b"\xff", b"}"])
    )
    return bytes(body)


@given(damaged() | st.binary(max_size=200))
@example(b'{"a": 1, "a": 1}')
@example(b"[NaN]")
@example(b'\xff"')
def test_any_bytes_are_read_as_plain_json_reads_them_or_refused(body):
    """It is stricter than the standard library in two things only."""
    try:
        expected = json.loads(body.decode(), object_pairs_hook=once, parse_constant=no_number)
    except ValueError:
        with pytest.raises(MalformedBodyError):
            parse_json(body)
    else:
        assert parse_json(body) == expected


def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(key)
        found[key] = value
    return found


def no_number(word: str) -> None:
    raise ValueError(word)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "empty"),
        (b"  \n", "empty"),
        (b'{"T": 1', "line 1, column 8"),
        (b'{"T": 1, "T": 2}', "'T' stands twice"),
        (b'{"a": {"T": 1, "T": 2}}', "'T' stands twice"),
        (b'{"T": NaN}', "NaN is no JSON number"),
        (b'{"T": -Infinity}', "-Infinity is no JSON number"),
        (b'{"T": "\xff"}', "not UTF-8: byte 7"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
        (b"9" * 5_000, "a number that cannot be read"),
    ],
)
def test_what_is_no_strict_json_is_refused_with_the_reason(body, words):
    with pytest.raises(MalformedBodyError, match=words):
        parse_json(body)


def request_of(chunks: AsyncIterator[bytes], headers: dict[str, str] | None = None) -> Request:
    async def receive():
        async for chunk in chunks:
            return {"type": "http.request", "body": chunk, "more_body": True}
        return {"type": "http.request", "body": b"", "more_body": False}

    raw = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
    return Request({"type": "http", "method": "POST", "path": "/", "headers": raw}, receive)


async def chunks_of(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


def test_a_body_in_chunks_is_put_together():
    assert asyncio.run(read_body(request_of(chunks_of(b"ab", b"cd")), 10, 5)) == b"abcd"


def test_a_body_beyond_the_limit_is_refused_before_it_has_all_arrived():
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 1_000

    with pytest.raises(TooLargeError, match="larger than 10,000 bytes"):
        asyncio.run(read_body(request_of(endless()), 10_000, 5))


def test_an_announced_length_beyond_the_limit_is_refused_unread():
    async def unread() -> AsyncIterator[bytes]:
        raise AssertionError("the body was read")
        yield b""

    with pytest.raises(TooLargeError):
        asyncio.run(read_body(request_of(unread(), {"content-length": "20000"}), 10_000, 5))


def test_a_body_that_does_not_arrive_is_given_up():
    async def stalled() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(60)

    with pytest.raises(SlowBodyError):
        asyncio.run(read_body(request_of(stalled()), 10_000, 0.05))
