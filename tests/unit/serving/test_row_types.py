"""The quick decoder takes what the careful one takes, with equal values, and nothing else."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from millrace.errors import RequestError
from millrace.inputs.kinds import KINDS
from millrace.inputs.signature import InputField, Signature
from serving.failures import TooLargeError
from serving.runtime.codec import Codec
from serving.runtime.strict_json import parse_json

FIELDS = (
    InputField("T", "double", True),
    InputField("PT08.S1(CO)", "double", False),
    InputField("count", "long", True),
    InputField("open", "boolean", False),
    InputField("district", "string", False),
    InputField("observed_at", "datetime", False),
)
ROW = {"T": 1.5, "PT08.S1(CO)": 40, "count": 3, "open": True, "district": "n", "observed_at": "2026-01-31T13:00:00Z"}
CODEC = Codec(Signature(FIELDS, ROW))
QUICK = CODEC._strict


def careful(body, many=False, **options):
    parsed = parse_json(body)
    return CODEC.decode(parsed if many else [parsed], **options)


def same(one, other):
    assert list(one) == list(other)
    for name, column in one.items():
        assert column.dtype == other[name].dtype
        assert len(column) == len(other[name])
        if column.dtype == object:
            assert column.tolist() == other[name].tolist()
        else:
            np.testing.assert_array_equal(column, other[name])


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("2026-01-31T13:00:00Z")
LIKELY = st.fixed_dictionaries(
    {"T": st.floats(allow_nan=False, allow_infinity=False), "count": st.integers(-(2**60), 2**60)},
    optional={
        "PT08.S1(CO)": st.none() | st.floats() | st.integers(),
        "open": st.none() | st.booleans(),
        "district": st.none() | st.text(),
        "observed_at": st.none() | st.datetimes().map(lambda moment: moment.isoformat()) | st.text(max_size=12),
        "other": SCALARS,
    },
)
ODD = st.dictionaries(st.sampled_from([f.name for f in FIELDS]), SCALARS)


@given(st.lists(LIKELY | ODD, min_size=1, max_size=4), st.booleans(), st.booleans())
@settings(deadline=None)
def test_what_the_quick_decoder_takes_the_careful_one_takes_with_equal_values(rows, many, lenient):
    body = json.dumps(rows if many else rows[0], ensure_ascii=False).encode("utf-8", "surrogatepass")
    quick = (CODEC._lenient if lenient else QUICK).columns(body, many=many)
    if quick is not None:
        same(quick, careful(body, many, ignore_unknown=lenient))


@given(st.data())
@examples(300)
def test_a_damaged_body_is_never_taken_by_the_quick_decoder_alone(data):
    body = bytearray(json.dumps(data.draw(LIKELY)).encode())
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(body) - 1))
        body[place : place + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
    quick = QUICK.columns(bytes(body), many=False)
    if quick is not None:
        same(quick, careful(bytes(body)))


def test_common_rows_are_taken_by_the_quick_decoder():
    for row in (ROW, {"T": 1, "count": 2}, {**ROW, "open": None, "district": None}):
        same(QUICK.columns(json.dumps(row).encode(), many=False), careful(json.dumps(row).encode()))
        many = json.dumps([row] * 3).encode()
        same(QUICK.columns(many, many=True), careful(many, many=True))


def test_numbers_alone_are_one_array_and_null_is_a_gap():
    fields = (InputField("a", "double", False), InputField("b", "double", True))
    quick = Codec(Signature(fields, {}))._strict
    columns = quick.columns(b'[{"a": null, "b": 1}, {"a": 2.5, "b": 2}]', many=True)
    assert math.isnan(columns["a"][0])
    assert columns["b"].tolist() == [1.0, 2.0]
    assert math.isnan(quick.columns(b'{"b": 1}', many=False)["a"][0])


NUMBERS_ONLY = Codec(Signature((InputField("a", "double", False), InputField("b", "double", True)), {}))
NUMBER = st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
NUMBER_ROWS = st.fixed_dictionaries({"b": NUMBER}, optional={"a": NUMBER | st.none()})


@given(st.lists(NUMBER_ROWS, min_size=1, max_size=6))
@settings(deadline=None)
def test_rows_of_numbers_with_gaps_and_without_are_those_of_the_careful_decoder(rows):
    body = json.dumps(rows).encode()
    same(NUMBERS_ONLY._strict.columns(body, many=True), NUMBERS_ONLY.decode(parse_json(body)))


@pytest.mark.parametrize("body", [b'[{"b": 1}, {"b": 1, "b": 2}]', b'[{"a": 0, "b": 1}, {"a": 0, "b": 1, "b": 2}]'])
def test_a_number_that_stands_twice_in_a_batch_is_left_to_the_careful_decoder(body):
    assert NUMBERS_ONLY._strict.columns(body, many=True) is None
    with pytest.raises(RequestError, match="'b' stands twice"):
        NUMBERS_ONLY.decode_body(body, many=True)


@pytest.mark.parametrize(
    "body",
    [
        b'{"T": 1, "T": 2, "count": 1}',
        b'{"T": 1, "\\u0054": 2, "count": 1}',
        b'{"T": 1, "count": 1, "district": "a", "district": null}',
        b'{"T": 1, "count": 1, "district": "a", "district": "b"}',
        b'{"T": NaN, "count": 1}',
        b'{"T": 1e999, "count": 1}',
        b'{"T": 1, "count": 1, "observed_at": "\xff"}',
        b'{"T": 1, "count": 9007199254740993}',
        b'{"T": 1, "count": 1.5}',
        b'{"T": true, "count": 1}',
        b'{"T": 1, "count": 1, "open": 1}',
        b'{"T": 1, "count": 1, "other": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b"",
        b"[]",
        b"null",
    ],
)
def test_what_is_not_certainly_right_is_left_to_the_careful_decoder(body):
    assert QUICK.columns(body, many=False) is None
    with pytest.raises(RequestError):
        CODEC.decode_body(body, many=False)
    with pytest.raises(RequestError):
        CODEC.decode_body(body, many=False, ignore_unknown=True)


def test_a_text_with_a_quotation_mark_is_read_the_careful_way():
    body = json.dumps({**ROW, "district": 'the "old" mill'}).encode()
    assert QUICK.columns(body, many=False) is None
    assert CODEC.decode_body(body, many=False)["district"].tolist() == ['the "old" mill']


def test_a_field_with_a_name_that_cannot_be_compiled_is_read_the_careful_way():
    codec = Codec(Signature((InputField('a"b', "double", True),), {}))
    assert codec.decode_body(b'{"a\\"b": 2}', many=False)['a"b'].tolist() == [2.0]


def test_unknown_fields_are_refused_or_ignored_as_asked():
    body = json.dumps([{**ROW, "remark": "x"}, ROW]).encode()
    with pytest.raises(RequestError, match="field 'remark' is no input"):
        CODEC.decode_body(body, many=True)
    assert CODEC.decode_body(body, many=True, ignore_unknown=True)["T"].tolist() == [1.5, 1.5]


def test_a_batch_beyond_the_limit_is_refused_however_it_was_read():
    body = json.dumps([ROW] * 5).encode()
    assert len(CODEC.decode_body(body, many=True, most=5)["T"]) == 5
    for rows in (body, json.dumps([{**ROW, "district": '"'}] * 5).encode()):
        with pytest.raises(TooLargeError, match="5 rows; at most 4"):
            CODEC.decode_body(rows, many=True, most=4)


def test_columns_are_read_like_rows():
    rows = [ROW, {"T": 2.0, "count": 1}]
    given_columns = {field.name: [row.get(field.name) for row in rows] for field in FIELDS}
    same(CODEC.decode_columns(given_columns, 2), CODEC.decode(rows))
    with pytest.raises(RequestError, match=r"Row 1 \(counted from 0\): field 'T' is missing"):
        CODEC.decode_columns({"T": [1.0, None], "count": [1, 2]}, 2)
    with pytest.raises(RequestError, match="Did you mean 'count'"):
        CODEC.decode_columns({"T": [1.0], "count": [1], "counts": [1]}, 1)


@given(st.lists(st.sampled_from(list(KINDS)), min_size=1, max_size=8), st.integers(1, 6))
@settings(deadline=None)
def test_every_kind_is_taken_by_the_quick_decoder(types, rows):
    fields = tuple(InputField(f"f{i}", kind, True) for i, kind in enumerate(types))
    codec = Codec(Signature(fields, {}))
    example = {field.name: field.kind.example for field in fields}
    same(codec._strict.columns(json.dumps([example] * rows).encode(), many=True), codec.decode([example] * rows))
