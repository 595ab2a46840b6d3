"""What is recorded on the hot path comes back row for row from the documents that MongoDB keeps."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import bson
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from millrace.stores.predictions import rows_of
from serving.ids import new_id, time_of
from serving.records.buckets import MOST_ROWS, bucketed
from serving.records.entry import MASK, Entry, Mask, chosen, decoded, encoded, packed

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)


def entry(columns, outputs, ids=None, **about):
    ids = ids or [f"q{number}" for number in range(len(outputs))]
    count = len(ids)
    given = {"model": "mill", "version": "1", "variant": "champion", "at": 1_000.0, "keys": [None] * count, **about}
    return Entry(
        request_ids=ids, callers=["ada"] * count, latencies_ms=[0.5] * count, columns=columns, outputs=outputs, **given
    )


def documents(*entries):
    """As MongoDB gives them back."""
    pairs = [(decoded(record), len(record)) for record in map(encoded, entries)]
    options = bson.CodecOptions(tz_aware=True, tzinfo=UTC)
    return [bson.decode(bson.encode(document), options) for document in bucketed("file", pairs)]


def rows(*entries):
    return [row for document in documents(*entries) for row in rows_of(document)]


NUMBERS = st.floats(allow_nan=True, allow_infinity=False)
ENTRIES = st.lists(
    st.tuples(
        st.sampled_from(["mill", "other"]),
        st.booleans(),
        st.lists(st.tuples(NUMBERS, TEXT | st.none(), NUMBERS), min_size=1, max_size=1_200),
        st.floats(0, 1e6),
    ),
    max_size=8,
)


@given(ENTRIES)
def test_every_row_comes_back_once(drawn):
    entries, wanted = [], []
    for number, (model, together, values, at) in enumerate(drawn):
        numbers, names, outputs = (list(column) for column in zip(*values, strict=True))
        ids = [f"{number}-{place}" for place in range(1 if together else len(values))]
        columns = {"a": np.array(numbers), "name": np.array(names, dtype=object)}
        entries.append(entry(packed(columns), outputs, ids, model=model, at=at))
        for place, (a, name, output) in enumerate(values):
            about = (f"{number}-0", place) if together else (f"{number}-{place}", 0)
            wanted.append((model, *about, None if math.isnan(a) else a, name, output))
    found = [
        (r["model"], r["request_id"], r["row"], r["features"]["a"], r["features"]["name"], r["output"])
        for r in rows(*entries)
    ]
    assert sorted(map(repr, found)) == sorted(map(repr, wanted))


@given(ENTRIES)
def test_documents_stay_small_and_short(drawn):
    entries = [
        entry({"a": [0] * len(values)}, [0] * len(values), ["q"] if together else None, model=model, at=at)
        for model, together, values, at in drawn
    ]
    for document in documents(*entries):
        assert 0 < document["count"] <= MOST_ROWS
        assert (document["until"] - document["at"]).total_seconds() <= 120
        assert len({len(document[name]) for name in ("times", "request_ids", "rows", "callers", "outputs")}) == 1


def test_the_same_file_gives_the_same_documents():
    entries = [entry({"a": [1.0]}, [2.0], [f"q{n}"], model=f"m{n % 3}", at=n * 7.0) for n in range(50)]
    assert documents(*entries) == documents(*entries)
    assert len({document["_id"] for document in documents(*entries)}) == len(documents(*entries))


def test_a_large_text_is_not_put_with_others():
    found = documents(*[entry({"a": ["x" * 3_000_000]}, [1.0], [f"q{n}"]) for n in range(3)])
    assert [document["count"] for document in found] == [1, 1, 1]


def test_rows_of_several_requests_keep_what_is_theirs():
    first, second = rows(entry({"a": [1.0, 2.0], "b": MASK}, ["x", "y"], keys=[None, "order-7"]))
    assert (first["key"], second["key"], second["features"]) == (None, "order-7", {"a": 2.0, "b": MASK})
    assert second["_id"] == "q1/0"
    assert second["at"] == datetime.fromtimestamp(1_000, UTC)


def test_ids_of_callers_stand_in_the_index_and_our_own_do_not():
    (document,) = documents(entry({"a": [1, 2, 3]}, [1, 2, 3], ["mine", own := _id_at(999.5), stale := _id_at(5.0)]))
    assert document["given_ids"] == sorted(["mine", stale])
    assert own not in document["given_ids"]
    assert "keys" not in document


def _id_at(seconds):
    return f"{int(seconds * 1000):012x}{new_id()[12:]}"


def test_ids_tell_their_time_and_are_never_given_twice():
    before = datetime.now(UTC).timestamp()
    found = [new_id() for _ in range(10_000)]
    assert len(set(found)) == len(found)
    assert all(abs(time_of(one) - before) < 60 for one in found)
    assert found[0][12] == "7"
    assert [time_of(text) for text in ("", "q1", "g" * 32, found[0].upper(), found[0] + "0")] == [None] * 5


def test_a_sample_keeps_whole_requests():
    kept = chosen(entry(packed({"a": np.array([1.0, np.nan, 3.0]), "b": np.array([1, 2, 3])}), [4, 5, 6]), [1, 2])
    assert [(row["request_id"], row["features"], row["output"]) for row in rows(kept)] == [
        ("q1", {"a": None, "b": 2}, 5),
        ("q2", {"a": 3.0, "b": 3}, 6),
    ]


def test_masked_columns_hide_their_values():
    columns = {"name": np.array(["Ada"], dtype=object), "age": np.array([36.0]), "T": np.array([1.0])}
    mask = Mask("name, mill/age")
    (row,) = rows(entry(packed(columns, "mill", mask), [1.0]))
    assert row["features"] == {"name": MASK, "age": MASK, "T": 1.0}
    (row,) = rows(entry(packed(columns, "other", mask), [1.0]))
    assert row["features"] == {"name": MASK, "age": 36.0, "T": 1.0}


@pytest.mark.parametrize("value", [2**70, 10**400, "\ud800", np.float64(1.5), np.str_("x"), float("inf")])
def test_odd_values_are_recorded_in_some_form(value):
    (row,) = rows(entry({"a": [value]}, [value]))
    assert "a" in row["features"]


def test_times_and_missing_values_are_recorded_as_such():
    columns = {
        "when": np.array(["2026-01-31T13:00", "NaT"], dtype="datetime64[ns]"),
        "a": np.array([np.nan, 1.0]),
        "name": np.array([None, "x"], dtype=object),
    }
    first, second = rows(entry(packed(columns), [5.0, 6.0]))
    assert first["features"] == {"when": datetime(2026, 1, 31, 13, tzinfo=UTC), "a": None, "name": None}
    assert second["features"] == {"when": None, "a": 1.0, "name": "x"}
