"""Answers are given again for equal rows of one version only, within bounds of time, number and memory."""

from __future__ import annotations

import json
import math
import tracemalloc

import numpy as np
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from millrace.inputs.signature import InputField, Signature
from serving.runtime.cache import AnswerCache, row_keys
from serving.runtime.codec import Codec
from serving.runtime.likeness import columns_for
from serving.runtime.loaded_model import Predictions
from serving.runtime.remembered import Remembered
from serving.runtime.row_types import RowTypes

NUMBERS = Signature((InputField("a", "double", False), InputField("b", "double", True)), {"a": 1.0, "b": 1.0})
MIXED = Signature(
    (
        InputField("a", "double", False),
        InputField("t", "string", False),
        InputField("u", "string", False),
        InputField("w", "datetime", False),
        InputField("o", "boolean", False),
    ),
    {"a": 1.0, "t": "x", "u": "y", "w": None, "o": True},
)


def key(signature, row, *, stamp=b"v", probabilities=False):
    return row_keys(stamp, Codec(signature).decode([row]), probabilities=[probabilities])[0]


def test_what_was_put_is_found_until_its_time_is_over(monkeypatch):
    now = 100.0
    monkeypatch.setattr("serving.runtime.cache.time.monotonic", lambda: now)
    cache = AnswerCache(10, 100_000)
    cache.put(b"k", "answer", 5, 10)
    assert cache.get("m", b"k") == "answer"
    now = 104.9
    assert cache.get("m", b"k") == "answer"
    now = 105.0
    assert cache.get("m", b"k") is None
    assert (cache.hits["m"], cache.misses["m"]) == (2, 1)


def test_the_least_recently_used_makes_room():
    cache = AnswerCache(2, 100_000)
    cache.put(b"a", 1, 60, 1)
    cache.put(b"b", 2, 60, 1)
    assert cache.get("m", b"a") == 1
    cache.put(b"c", 3, 60, 1)
    assert [cache.get("m", name) for name in (b"a", b"b", b"c")] == [1, None, 3]


def test_bytes_are_bounded_and_come_back(monkeypatch):
    cache = AnswerCache(1_000, 5_000)
    for number in range(100):
        cache.put(b"%d" % number, number, 60, 500)
    assert 0 < len(cache) <= 6
    assert 0 < cache.bytes <= 5_000
    cache.put(b"99", "again", 60, 500)  # in its own place
    assert cache.get("m", b"99") == "again"
    assert cache.bytes <= 5_000
    before = len(cache)
    cache.put(b"huge", "x", 60, 6_000)
    assert cache.get("m", b"huge") is None
    assert len(cache) == before


@pytest.mark.parametrize(("entries", "size"), [(0, 1_000), (1_000, 0)])
def test_a_cache_that_is_off_keeps_nothing(entries, size):
    cache = AnswerCache(entries, size)
    cache.put(b"k", 1, 60, 1)
    assert not cache.is_on
    assert len(cache) == 0


def test_nothing_is_kept_for_no_time():
    cache = AnswerCache(10, 10_000)
    cache.put(b"k", 1, 0, 1)
    assert len(cache) == 0


def test_the_quick_decoder_and_the_careful_one_give_one_key():
    quick = RowTypes(NUMBERS.fields).columns(b'{"a": 2, "b": 3}', many=False)
    assert row_keys(b"v", quick, probabilities=[False]) == [key(NUMBERS, {"b": 3.0, "a": 2.0})]
    absent = RowTypes(NUMBERS.fields).columns(b'{"a": null, "b": 3}', many=False)
    assert row_keys(b"v", absent, probabilities=[False]) == [key(NUMBERS, {"b": 3})]


def test_versions_and_probabilities_have_keys_of_their_own():
    row = {"a": 1.0, "b": 2.0}
    keys = {key(NUMBERS, row, stamp=stamp, probabilities=wanted) for stamp in (b"1", b"2") for wanted in (True, False)}
    assert len(keys) == 4


TEXT = st.none() | st.text(max_size=6) | st.sampled_from(["", "\x00", "\x01", "a\x00", "\ud800", "abc"])
ROWS = st.fixed_dictionaries(
    {
        "a": st.none() | st.floats(allow_nan=False, allow_infinity=False),
        "t": TEXT,
        "u": TEXT,
        "w": st.none() | st.sampled_from(["2024-01-01T00:00:00", "2024-01-01T01:00:00+01:00", "2024-01-02"]),
        "o": st.none() | st.booleans(),
    }
)


@given(ROWS, ROWS)
@examples(400)
def test_keys_are_equal_exactly_where_the_columns_are(one, other):
    first, second = Codec(MIXED).decode([one]), Codec(MIXED).decode([other])

    def plain(columns):
        return [repr(value) for column in columns.values() for value in column.tolist()]

    same = plain(first) == plain(second)
    assert (key(MIXED, one) == key(MIXED, other)) == same


@given(st.lists(st.tuples(ROWS, st.booleans()), min_size=1, max_size=5))
@settings(deadline=None)
def test_a_row_has_one_key_alone_and_among_others_and_whichever_decoder_read_it(asked):
    rows, wanted = [row for row, _ in asked], [wants for _, wants in asked]
    each = [key(MIXED, row, probabilities=wants) for row, wants in asked]
    assert row_keys(b"v", Codec(MIXED).decode(rows), probabilities=wanted) == each
    quick = RowTypes(MIXED.fields)
    taken = [quick.row(json.dumps(row).encode("utf-8", "surrogatepass")) for row in rows]
    if None not in taken:
        assert row_keys(b"v", quick.joined(taken), probabilities=wanted) == each


OPTIONAL = st.none() | st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(st.fixed_dictionaries({"a": OPTIONAL, "b": st.floats(-9, 9)}), min_size=1, max_size=5))
@settings(deadline=None)
def test_the_keys_of_numbers_gathered_at_the_protocol_are_those_of_the_ordinary_way(rows):
    quick = RowTypes(NUMBERS.fields)
    gathered = quick.joined([quick.row(json.dumps(row).encode()) for row in rows])
    keys = row_keys(b"v", gathered, probabilities=[False] * len(rows))
    assert keys == [key(NUMBERS, row) for row in rows]


def test_columns_made_ready_for_another_version_have_the_keys_of_its_order():
    turned = Signature(tuple(reversed(NUMBERS.fields)), NUMBERS.example)
    read = RowTypes(turned.fields).columns(b'{"a": 2, "b": 3}', many=False)
    assert row_keys(b"v", columns_for(NUMBERS, read), probabilities=[False]) == [key(NUMBERS, {"a": 2.0, "b": 3.0})]


@given(st.lists(st.tuples(st.floats(allow_nan=False), st.floats(allow_nan=False)), min_size=2, max_size=2))
@settings(deadline=None)
def test_numbers_are_told_apart_by_their_bits(rows):
    (a, b), (c, d) = rows

    def of(x, y):
        table = np.array([[x], [y]])
        return row_keys(b"v", dict(zip("ab", table, strict=True)), probabilities=[False])

    equal = (a, b) == (c, d) and [math.copysign(1, x) for x in (a, b)] == [math.copysign(1, x) for x in (c, d)]
    assert (of(a, b) == of(c, d)) == equal


@pytest.mark.parametrize("classes", [0, 12])
def test_the_stated_size_is_about_what_an_answer_costs(classes, classifier, regression, table):
    """Within a third: the bound on memory is one that can be relied on."""
    remembered = Remembered(AnswerCache(1_000_000, 10**9))

    class Model:
        class version:  # noqa: N801
            name = "m"

        stamp, cache_seconds, is_compiled = b"0123456789abcdef", 60.0, True

    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for number in range(3_000):
            columns = dict(zip(map(str, range(12)), np.full((12, 1), float(number)), strict=True))
            shares = [{f"{number}-{place}": place / 7 + number for place in range(classes)}] if classes else None
            answer = Predictions([number / 3], [number / 5], shares)
            remembered.put(Model, remembered.key(Model, columns, 1, probabilities=bool(classes)), answer)
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert len(remembered.cache) == 3_000
    assert taken / remembered.cache.bytes == pytest.approx(1, abs=1 / 3)
