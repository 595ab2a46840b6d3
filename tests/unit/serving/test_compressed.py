"""Packed bodies are read like plain ones, bounded by what they stand for, and refused where they are damaged."""

from __future__ import annotations

import asyncio
import gzip
import random
import zlib
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.requests import Request

from serving.body import read_body
from serving.compressed import PIECE, UnpackBodyMiddleware, Unpacker
from serving.failures import MalformedBodyError, TooLargeError, UnknownEncodingError

PACK = {"gzip": gzip.compress, "x-gzip": gzip.compress, "deflate": zlib.compress}


def read(chunks, encoding, most=10**8):
    """The body as a route reads it, and how many chunks of it were taken."""
    taken, found = [], []
    waiting = iter(chunks)

    async def receive():
        taken.append(next(waiting, b""))
        return {"type": "http.request", "body": taken[-1], "more_body": len(taken) < len(chunks)}

    async def app(scope, receive, send):
        found.append(await read_body(Request(scope, receive), most, 60))

    headers = [(b"content-encoding", encoding.encode())] if encoding is not None else []
    scope = {"type": "http", "method": "POST", "path": "/", "headers": headers}
    try:
        asyncio.run(UnpackBodyMiddleware(app)(scope, receive, None))
    finally:
        read.taken = len(taken)
    return found[0]


def cut(content, sizes):
    chunks = []
    for size in sizes:
        chunks.append(content[:size])
        content = content[size:]
    return [*chunks, content]


SIZES = st.lists(st.integers(0, 40), max_size=8)


@given(st.sampled_from(list(PACK)), st.binary(max_size=400), st.integers(1, 2_000), SIZES)
@settings(deadline=None)
def test_a_packed_body_is_read_as_the_plain_one_however_it_arrives(encoding, content, times, sizes):
    assert read(cut(PACK[encoding](content * times), sizes), encoding) == content * times


@given(st.lists(st.binary(max_size=60), min_size=1, max_size=5), SIZES)
@settings(deadline=None)
def test_gzip_files_one_after_the_other_are_one_body(contents, sizes):
    assert read(cut(b"".join(map(gzip.compress, contents)), sizes), "gzip") == b"".join(contents)


def test_what_compresses_badly_and_is_large_comes_whole():
    content = random.Random(1).randbytes(3_000_000)
    packed = gzip.compress(content)
    assert read([packed[place : place + 65_536] for place in range(0, len(packed), 65_536)], "gzip") == content


@given(st.sampled_from(list(PACK)), st.binary(min_size=1, max_size=300), st.data())
@settings(deadline=None)
def test_a_damaged_body_is_refused_or_read_right_and_nothing_else_happens(encoding, content, data):
    packed = bytearray(PACK[encoding](content))
    place = data.draw(st.integers(0, len(packed) - 1))
    packed[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    with suppress(MalformedBodyError):
        assert read(cut(bytes(packed), data.draw(SIZES)), encoding) == content


@pytest.mark.parametrize("encoding", PACK)
@pytest.mark.parametrize(
    ("damaged", "words"),
    [
        (lambda packed: packed[:-5], "it ends too early"),
        (lambda packed: packed[:3], "it ends too early"),
        (lambda packed: b'{"T": 1}', "incorrect header check"),
        (lambda packed: packed + b"more", "incorrect header check|goes on after its end"),
        (lambda packed: packed[:-4] + b"\0\0\0\0", "incorrect (length|data) check"),
    ],
)
def test_what_is_wrong_is_said(encoding, damaged, words):
    with pytest.raises(MalformedBodyError, match=words):
        read([damaged(PACK[encoding](b"a row" * 100))], encoding)


@pytest.mark.parametrize("encoding", PACK)
def test_a_few_bytes_that_stand_for_very_many_are_given_up_at_the_limit(encoding, monkeypatch):
    produced = []
    ask = Unpacker.next

    def counted(self):
        piece = ask(self)
        produced.append(len(piece))
        return piece

    monkeypatch.setattr(Unpacker, "next", counted)
    bomb = PACK[encoding](bytes(30_000_000))
    assert len(bomb) < 40_000
    with pytest.raises(TooLargeError, match="larger than 1,000,000 bytes"):
        read([bomb], encoding, most=1_000_000)
    assert sum(produced) <= 1_000_000 + PIECE
    assert max(produced) <= PIECE


def test_a_bomb_of_empty_gzip_files_is_given_up():
    with pytest.raises(MalformedBodyError, match="more than 20,000 gzip files"):
        read([gzip.compress(b"") * 100] * 201, "gzip")


def test_packed_bodies_that_announce_too_much_are_not_read():
    async def unread():
        raise AssertionError("the body was read")

    async def app(scope, receive, send):
        await read_body(Request(scope, receive), 1_000, 5)

    headers = [(b"content-encoding", b"gzip"), (b"content-length", b"2000")]
    scope = {"type": "http", "method": "POST", "path": "/", "headers": headers}
    with pytest.raises(TooLargeError):
        asyncio.run(UnpackBodyMiddleware(app)(scope, unread, None))


@pytest.mark.parametrize("encoding", [None, "", "identity", " Identity , "])
def test_a_plain_body_goes_through(encoding):
    assert read([b"a row"], encoding) == b"a row"


def test_no_body_at_all_is_no_damage():
    assert read([b""], "gzip") == b""


@pytest.mark.parametrize("encoding", ["br", "gzip, deflate", "gzip, gzip", "compress", "é"])
def test_other_forms_are_refused_with_those_that_are_taken(encoding):
    with pytest.raises(UnknownEncodingError, match="gzip, deflate") as refused:
        read([b"a row"], encoding)
    assert refused.value.headers == {"Accept-Encoding": "gzip, deflate"}
    assert read.taken == 0
