"""Tables as files: the same rows give the same columns in every format, and what does not fit is refused alike."""

from __future__ import annotations

import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from millrace.errors import RequestError
from millrace.inputs.signature import InputField, Signature
from serving.failures import MalformedBodyError, NotAcceptableError, TooLargeError
from serving.media import wanted_type
from serving.runtime.codec import Codec
from serving.runtime.loaded_model import LoadedModel, Predictions
from serving.runtime.tables import FORMATS
from serving.runtime.tables.answers import AnswerFile, file_of, table_of
from serving.runtime.tables.decoding import decoded_parts, decoded_whole

FIELDS = (
    InputField("T", "double", True),
    InputField("RH", "double", False),
    InputField("count", "long", True),
    InputField("open", "boolean", False),
    InputField("district", "string", False),
    InputField("observed_at", "datetime", False),
)
SIGNATURE = Signature(FIELDS, {})
CODEC = Codec(SIGNATURE)
ARROW_TYPES = {
    "double": pa.float64(),
    "long": pa.int64(),
    "boolean": pa.bool_(),
    "string": pa.string(),
    "datetime": pa.timestamp("us", tz="UTC"),
}
BINARY = ("application/vnd.apache.arrow.stream", "application/vnd.apache.arrow.file", "application/vnd.apache.parquet")


@pytest.fixture
def model(card):
    return LoadedModel(card("m", "3"), None, SIGNATURE, CODEC, {})


def written(kind, table):
    """A table as a file by pyarrow's own means."""
    sink = io.BytesIO()
    if kind == "text/csv":
        pa.csv.write_csv(table, sink)
    elif kind.endswith("parquet"):
        pq.write_table(table, sink, row_group_size=3)
    else:
        opener = pa.ipc.new_stream if kind.endswith("stream") else pa.ipc.new_file
        with opener(sink, table.schema) as writer:
            writer.write_table(table, max_chunksize=3)
    return sink.getvalue()


def read(kind, body, model, *, rows=100, most=100, ignore_unknown=False):
    parts = decoded_parts(FORMATS[kind], io.BytesIO(body), model, rows=rows, most=most, ignore_unknown=ignore_unknown)
    found = list(parts)
    return {name: np.concatenate([part[name] for part in found]) for name in found[0]}


def same(one, other):
    assert list(one) == list(other)
    for name, column in one.items():
        assert column.dtype == other[name].dtype
        if column.dtype == object:
            assert column.tolist() == other[name].tolist()
        else:
            np.testing.assert_array_equal(column, other[name])


MOMENTS = st.integers(-(2**62), 2**62).map(lambda n: datetime.fromtimestamp(n // 2**30, UTC))
TEXTS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1, max_size=5)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "T": st.floats(allow_nan=False, allow_infinity=False),
            "RH": st.none() | st.floats(allow_nan=False, allow_infinity=False),
            "count": st.integers(1 - 2**53, 2**53 - 1),
            "open": st.none() | st.booleans(),
            "district": st.none() | TEXTS,
            "observed_at": st.none() | MOMENTS,
        }
    ),
    min_size=1,
    max_size=8,
)


def table_from(rows):
    return pa.table({f.name: pa.array([row[f.name] for row in rows], ARROW_TYPES[f.type]) for f in FIELDS})


def as_json(rows):
    return [{**row, "observed_at": row["observed_at"] and row["observed_at"].isoformat()} for row in rows]


@given(rows=ROWS, kind=st.sampled_from(BINARY), part=st.integers(1, 4))
def test_every_binary_format_gives_the_columns_that_json_gives(card, rows, kind, part):
    model = LoadedModel(card("m", "3"), None, SIGNATURE, CODEC, {})
    same(read(kind, written(kind, table_from(rows)), model, rows=part), CODEC.decode(as_json(rows)))


@given(rows=ROWS, part=st.integers(1, 4))
def test_csv_gives_the_columns_that_json_gives(card, rows, part):
    model = LoadedModel(card("m", "3"), None, SIGNATURE, CODEC, {})
    table = table_from(rows)
    times = pa.array([row["observed_at"] and row["observed_at"].isoformat() for row in rows], pa.string())
    table = table.set_column(5, "observed_at", times)
    same(read("text/csv", written("text/csv", table), model, rows=part), CODEC.decode(as_json(rows)))


@given(body=st.binary(max_size=300), kind=st.sampled_from(list(FORMATS)))
def test_any_bytes_are_refused_as_a_malformed_body(card, body, kind):
    model = LoadedModel(card("m", "3"), None, SIGNATURE, CODEC, {})
    with pytest.raises(RequestError):
        decoded_whole(FORMATS[kind], body, model, most=10, ignore_unknown=False)


@given(st.data())
def test_a_damaged_file_is_refused_or_read_as_rows_that_the_model_takes(card, data):
    model = LoadedModel(card("m", "3"), None, SIGNATURE, CODEC, {})
    kind = data.draw(st.sampled_from(BINARY))
    row = {"T": 1.5, "RH": None, "count": 3, "open": True, "district": "north", "observed_at": None}
    body = bytearray(written(kind, table_from([row] * 7)))
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    try:
        columns = decoded_whole(FORMATS[kind], bytes(body), model, most=10, ignore_unknown=False)
    except RequestError:
        return
    # A value that was changed may be read as another one, but only as one that the model takes.
    assert list(columns) == [field.name for field in FIELDS]
    assert len({len(column) for column in columns.values()}) == 1
    assert len(columns["T"]) <= 10
    assert np.isfinite(columns["T"]).all()
    assert not np.isinf(columns["RH"]).any()
    assert np.array_equal(columns["count"], np.trunc(columns["count"]))
    assert (np.abs(columns["count"]) < 2**53).all()
    assert all(value is None or isinstance(value, str) for value in columns["district"])


@pytest.mark.parametrize("kind", BINARY)
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"T": pa.array([1.0, None])}, "Row 1 (counted from 0): field 'T' is missing"),
        ({"T": pa.array([1.0, float("nan")])}, "Row 1 (counted from 0): field 'T' is NaN; a finite number"),
        ({"T": pa.array([1.0, float("inf")])}, "field 'T' is Infinity; a finite number"),
        ({"T": pa.array(["1", "2"])}, "field 'T' is \"1\"; a number is wanted"),
        ({"T": pa.array([True, False])}, "field 'T' is true; a number is wanted"),
        ({"count": pa.array([1, 2**53])}, "Row 1 (counted from 0): field 'count'"),
        ({"count": pa.array([1.5, 2])}, "field 'count' is 1.5; a whole number"),
        ({"open": pa.array([1, 0])}, "field 'open' is 1; true or false"),
        ({"district": pa.array([1, 2])}, "field 'district' is 1; a text is wanted"),
        ({"district": pa.array([b"a", b"b"])}, "field 'district' is of the type bytes; a text is wanted"),
        ({"observed_at": pa.array([1, 2])}, "field 'observed_at' is 1; a time is wanted"),
        ({"observed_at": pa.array([0, -(2**60)], pa.timestamp("ms"))}, "field 'observed_at'"),
        ({"T": pa.array([[1.0], [2.0]])}, "field 'T' is [1.0]; a number is wanted"),
        ({"counts": pa.array([1, 2])}, "field 'counts' is no input of this model. Did you mean 'count'"),
        ({"T": None}, "field 'T' is missing"),
    ],
)
def test_what_does_not_fit_is_refused_by_row_and_field(model, kind, change, words):
    columns = {"T": pa.array([1.0, 2.0]), "count": pa.array([1, 2]), **change}
    table = pa.table({name: column for name, column in columns.items() if column is not None})
    with pytest.raises(RequestError) as caught:
        decoded_whole(FORMATS[kind], written(kind, table), model, most=10, ignore_unknown=False)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "column",
    [
        pa.array([1, 2], pa.int8()),
        pa.array([1, 2], pa.uint64()),
        pa.array([1.0, 2.0], pa.float32()),
        pa.array([1.0, 2.0], pa.float16()),
        pa.array([Decimal("1.0"), Decimal("2.0")]),
        pa.array([1.0, 2.0]).dictionary_encode(),
    ],
)
def test_every_numeric_type_is_a_number(model, column):
    body = written(BINARY[0], pa.table({"T": column, "count": pa.array([1, 2])}))
    assert read(BINARY[0], body, model)["T"].tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([datetime(2026, 1, 31, 13, tzinfo=UTC), None], pa.timestamp("s")),
        ([datetime(2026, 1, 31, 13, tzinfo=UTC), None], pa.timestamp("ns", tz="Europe/Berlin")),
        ([date(2026, 1, 31), None], pa.date32()),
        ([date(2026, 1, 31), None], pa.date64()),
        (["2026-01-31T14:00:00+01:00", None], pa.large_string()),
    ],
)
def test_every_type_of_time_is_a_time_in_utc(model, values, kind):
    times = pa.array(values, kind)
    table = pa.table({"T": [1.0, 2.0], "count": [1, 2], "observed_at": times})
    column = read(BINARY[2], written(BINARY[2], table), model)["observed_at"]
    hour = "00" if pa.types.is_date(kind) else "13"
    assert column[0] == np.datetime64(f"2026-01-31T{hour}:00:00", "ns")
    assert np.isnat(column[1])


def test_categories_and_columns_without_any_value_are_taken(model):
    district = pa.array(["north", None, "north"]).dictionary_encode()
    table = pa.table({"T": [1.0] * 3, "count": [1] * 3, "district": district, "RH": pa.nulls(3)})
    columns = read(BINARY[0], written(BINARY[0], table), model)
    assert columns["district"].tolist() == ["north", None, "north"]
    assert np.isnan(columns["RH"]).all()


@pytest.mark.parametrize("kind", ["text/csv", *BINARY])
def test_rows_are_counted_over_all_parts(model, kind):
    table = pa.table({"T": [1.0] * 9 + [None], "count": [1] * 10})
    with pytest.raises(RequestError, match=r"Row 9 \(counted from 0\): field 'T' is missing") as caught:
        read(kind, written(kind, table), model, rows=4)
    assert caught.value.details["errors"] == [
        {"row": 9, "field": "T", "problem": "is missing; a number is wanted, and this field may not be null"}
    ]


@pytest.mark.parametrize("kind", ["text/csv", *BINARY])
def test_limits_and_unknown_columns(model, kind):
    body = written(kind, pa.table({"T": [1.0] * 10, "count": [1] * 10, "remark": ["x"] * 10}))
    assert len(read(kind, body, model, most=10, ignore_unknown=True)["T"]) == 10
    with pytest.raises(TooLargeError, match="more than 9 rows"):
        read(kind, body, model, most=9, ignore_unknown=True)
    with pytest.raises(RequestError, match="field 'remark' is no input"):
        read(kind, body, model)


@pytest.mark.parametrize("kind", ["text/csv", *BINARY])
def test_a_table_without_rows_and_a_column_that_stands_twice(model, kind):
    empty = pa.table({"T": pa.array([], pa.float64()), "count": pa.array([], pa.int64())})
    with pytest.raises(MalformedBodyError, match="has no rows"):
        read(kind, written(kind, empty), model)
    twice = pa.Table.from_arrays([pa.array([1.0]), pa.array([2.0])], names=["T", "T"])
    with pytest.raises(RequestError, match="column 'T' stands twice"):
        read(kind, written(kind, twice), model)


def test_a_made_up_arrow_array_is_found_out(model):
    offsets = np.array([0, 5, 1_000_000], np.int32).tobytes()  # they point far behind the text
    right = np.array([0, 5, 10], np.int32).tobytes()
    body = written(BINARY[0], pa.table({"T": [1.0, 2.0], "count": [1, 2], "district": ["hello", "world"]}))
    assert body.count(right) == 1
    with pytest.raises(MalformedBodyError, match="no Arrow file that can be read"):
        read(BINARY[0], body.replace(right, offsets), model)


@pytest.mark.parametrize("compression", ["zstd", "lz4", None])
@pytest.mark.parametrize("opener", [pa.ipc.new_stream, pa.ipc.new_file])
def test_a_few_bytes_that_stand_for_very_many_are_not_unpacked(model, monkeypatch, compression, opener):
    table = pa.table(
        {"T": [0.0] * 50_000, "count": [1] * 50_000, "district": pa.array(["n"] * 50_000).dictionary_encode()}
    )
    sink = io.BytesIO()
    with opener(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as writer:
        writer.write_table(table)
    assert len(read(BINARY[0], sink.getvalue(), model, most=50_000)["T"]) == 50_000
    if compression:
        assert len(sink.getvalue()) < 100_000
    monkeypatch.setattr("serving.runtime.tables.arrow_messages.LARGEST_BATCH", 800_000)
    with pytest.raises(TooLargeError, match=r"batch takes 1,00\d,\d+ bytes|batch takes 1,0\d\d,\d+ bytes"):
        read(BINARY[0], sink.getvalue(), model, most=50_000)


ANSWERS = {
    "regression": (Predictions([1.5, -2.0]), {"prediction": [1.5, -2.0]}),
    "classes": (
        Predictions(["a", "b"], [0.75, 0.5], [{"a": 0.75, "b": 0.25}, {"a": 0.5, "b": 0.5}]),
        {"prediction": ["a", "b"], "confidence": [0.75, 0.5], "probability_a": [0.75, 0.5], "probability_b": [0.25, 0.5]},  # noqa: E501
    ),
    "targets": (Predictions([{"Y1": 1.0, "Y2": 2.0}, {"Y1": 3.0, "Y2": 4.0}]), {"Y1": [1.0, 3.0], "Y2": [2.0, 4.0]}),
    "numbers": (Predictions([3, 4], [1.0, 1.0]), {"prediction": [3, 4], "confidence": [1.0, 1.0]}),
}  # fmt: skip


def parsed(kind, body):
    if kind == "text/csv":
        return pa.csv.read_csv(io.BytesIO(body))
    return pq.read_table(io.BytesIO(body)) if kind.endswith("parquet") else _ipc(kind, body)


def _ipc(kind, body):
    opener = pa.ipc.open_stream if kind.endswith("stream") else pa.ipc.open_file
    return opener(io.BytesIO(body)).read_all()


@pytest.mark.parametrize("kind", ["text/csv", *BINARY])
@pytest.mark.parametrize("answer", ANSWERS)
def test_answers_are_written_in_every_format(model, kind, answer):
    found, expected = ANSWERS[answer]
    table = parsed(kind, file_of(FORMATS[kind], table_of(model, found)))
    assert table.to_pydict() == expected
    if kind != "text/csv":
        assert table.schema.metadata[b"millrace.model_version"] == b"3"


@pytest.mark.parametrize("kind", ["text/csv", *BINARY])
def test_a_growing_file_gives_up_its_pieces_and_is_whole_in_the_end(model, kind):
    file, pieces = AnswerFile(FORMATS[kind]), []
    for number in range(40):
        pieces.append(file.add(table_of(model, Predictions([float(number)] * 5_000))))
    pieces.append(file.end())
    assert parsed(kind, b"".join(pieces))["prediction"].to_pylist() == [
        float(n) for n in range(40) for _ in range(5_000)
    ]
    assert max(map(len, pieces)) < 0.6 * sum(map(len, pieces))


def headers(accept):
    from starlette.datastructures import Headers

    return Headers({"accept": accept} if accept is not None else {})


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        (None, "application/json"),
        ("*/*", "application/json"),
        ("text/*", "text/csv"),
        ("text/csv", "text/csv"),
        ("application/xml, text/csv;q=0.5", "text/csv"),
        ("text/csv;q=0.5, application/json", "application/json"),
        ("application/parquet", "application/parquet"),
        ("application/json;q=0, text/csv", "text/csv"),
        ("TEXT/CSV; header=present", "text/csv"),
    ],
)
def test_accept_decides_the_form(accept, wanted):
    assert wanted_type(headers(accept), ("application/json", *FORMATS), "application/json") == wanted


@pytest.mark.parametrize("accept", ["application/xml", "text/csv;q=0", "text/csv;q=none", ","])
def test_a_form_that_cannot_be_given_is_refused(accept):
    with pytest.raises(NotAcceptableError, match="Allowed: application/json, text/csv"):
        wanted_type(headers(accept), ("application/json", *FORMATS), "application/json")


def test_json_and_csv_errors_say_the_same(model):
    rows = [{"T": 1.0, "count": 1}, {"T": 2.0, "count": 1.5}]
    with pytest.raises(RequestError) as as_json:
        CODEC.decode_body(json.dumps(rows).encode(), many=True)
    with pytest.raises(RequestError) as as_csv:
        decoded_whole(FORMATS["text/csv"], b"T,count\n1.0,1\n2.0,1.5\n", model, most=10, ignore_unknown=False)
    assert str(as_json.value) == str(as_csv.value)
