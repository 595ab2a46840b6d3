"""The body as strict JSON, and bounded."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from hypothesis import given
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


@given(st.binary(max_size=200))
def test_any_bytes_are_parsed_or_refused_and_nothing_else_happens(body):
    with suppress(MalformedBodyError):
        parse_json(body)


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
