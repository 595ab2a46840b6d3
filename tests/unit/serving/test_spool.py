"""What is appended to a spool is read again, whole and once, whatever happens to its writer."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime

import bson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.records.entry import MASK, Ids, Mask, documents, encoded, entry_of
from serving.records.spool import Spool, records_of

RECORDS = st.lists(
    st.dictionaries(
        st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
        st.one_of(st.floats(allow_nan=False), st.text(st.characters(exclude_categories=["Cs"])), st.booleans()),
    ),
    max_size=20,
)


def read(spool):
    with spool.claimed() as files:
        return [record for path in files for record in records_of(path.read_bytes())[0]]


@given(RECORDS)
def test_records_come_back_as_they_were_written(rows):
    content = b"".join(b"r" + bson.encode(row) for row in rows)
    found, unread = records_of(content)
    assert [bson.decode(document) for _, document in found] == rows
    assert unread == 0


@given(RECORDS.filter(bool), st.data())
def test_a_record_cut_short_hides_none_before_it(rows, data):
    parts = [b"r" + bson.encode(row) for row in rows]
    cut = data.draw(st.integers(1, len(parts[-1]) - 1))
    found, unread = records_of(b"".join(parts)[: -len(parts[-1]) + cut])
    assert len(found) == len(rows) - 1
    assert unread == cut


@given(st.binary(max_size=200))
def test_any_bytes_are_read_without_an_error(content):
    found, unread = records_of(content)
    assert sum(1 + len(document) for _, document in found) + unread == len(content)


def test_an_open_file_is_not_delivered_and_a_sealed_one_is(tmp_path):
    spool, other = Spool(tmp_path, 10_000), Spool(tmp_path, 10_000)
    assert spool.append(b"r" + bson.encode({"n": 1}))
    assert read(other) == []
    spool.seal()
    assert len(read(other)) == 1
    assert spool.size == other.folder.joinpath(next(os.walk(tmp_path))[2][0]).stat().st_size


def test_a_file_is_delivered_by_one_worker_at_a_time(tmp_path):
    spool, other = Spool(tmp_path, 10_000), Spool(tmp_path, 10_000)
    spool.append(b"r" + bson.encode({"n": 1}))
    spool.seal()
    with spool.claimed() as files:
        assert next(files)
        assert read(other) == []
    assert len(read(other)) == 1


def test_a_full_spool_refuses_and_counts(tmp_path):
    spool = Spool(tmp_path, 50)
    record = b"r" + bson.encode({"number": 1})
    taken = [spool.append(record) for _ in range(5)]
    assert taken == [True, True, False, False, False]
    assert spool.dropped == 3


def test_a_folder_that_cannot_be_written_never_raises(tmp_path):
    (tmp_path / "file").write_text("in the way")
    spool = Spool(tmp_path / "file" / "spool", 10_000)
    assert spool.append(b"r" + bson.encode({})) is False
    assert spool.dropped == 1


def test_threads_do_not_mix_their_records(tmp_path, monkeypatch):
    monkeypatch.setattr("serving.records.spool.SEGMENT_BYTES", 2_000)
    spool = Spool(tmp_path, 10_000_000)

    def write(start):
        for number in range(start, start + 200):
            spool.append(b"r" + bson.encode({"n": number, "text": "x" * (number % 50)}))

    threads = [threading.Thread(target=write, args=(start,)) for start in (0, 200, 400, 600)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spool.seal()
    assert len(list(tmp_path.glob("*.records"))) > 5
    assert sorted(bson.decode(document)["n"] for _, document in read(spool)) == list(range(800))


WRITER = """
import sys, bson
from pathlib import Path
from serving.records.spool import Spool
spool = Spool(Path(sys.argv[1]), 10**9)
for number in range(10**9):
    spool.append(b"r" + bson.encode({"n": number}))
    sys.stdout.write(f"{number}\\n")
    sys.stdout.flush()
"""


def test_a_killed_writer_loses_nothing_that_it_had_appended(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    told = [int(process.stdout.readline()) for _ in range(500)]
    process.send_signal(signal.SIGKILL)
    told += [int(line) for line in process.stdout.read().split("\n") if line]
    process.wait()
    found = [bson.decode(document)["n"] for _, document in read(Spool(tmp_path, 10**9))]
    assert found[: len(told)] == told


def test_ids_are_never_given_twice():
    one, other = Ids(), Ids()
    assert len({ids.next() for ids in (one, other) for _ in range(1000)}) == 2000


def test_masked_columns_hide_their_values():
    mask = Mask("name, mill/age")
    row = {"name": "Ada", "age": 36, "T": 1.0}
    assert mask.of("mill", row) == {"name": MASK, "age": MASK, "T": 1.0}
    assert mask.of("other", row) == {"name": MASK, "age": 36, "T": 1.0}
    assert row["name"] == "Ada"


@pytest.mark.parametrize("value", [2**70, 10**400, "\ud800", {"a\0b": 1}, [(1, 2)], float("inf")])
def test_odd_values_are_recorded_in_some_form(value):
    record = encoded({"_id": "x", "features": {"a": value}})
    (document,) = documents(record[:1], record[1:])
    assert "a" in document["features"]


def test_numpy_values_are_recorded_as_plain_ones():
    import numpy as np

    record = encoded(
        {"a": np.float64(1.5), "b": np.int64(3), "c": np.array([1.0, 2.0]), "d": np.datetime64("2026-01-01")}
    )
    (document,) = documents(record[:1], record[1:])
    assert dict(document) == {"a": 1.5, "b": 3, "c": [1.0, 2.0], "d": "2026-01-01"}


def test_a_batch_becomes_one_document_a_row():
    record = encoded({"_id": "x", "model": "m", "columns": {"a": [0, 1, 2], "b": MASK}, "outputs": [0, 2, 4]})
    found = list(documents(record[:1], record[1:]))
    assert [d["_id"] for d in found] == ["x/0", "x/1", "x/2"]
    assert found[2] == {"_id": "x/2", "model": "m", "features": {"a": 2, "b": MASK}, "output": 4, "row": 2}


def test_columns_are_recorded_as_rows():
    import numpy as np

    columns = {
        "a": np.array([1.0, np.nan]),
        "when": np.array(["2026-01-31T13:00", "NaT"], dtype="datetime64[ns]"),
        "name": np.array(["x", None], dtype=object),
    }
    moment = datetime(2026, 1, 31, 13, tzinfo=UTC)
    rows = [{"a": 1.0, "when": moment, "name": "x"}, {"a": None, "when": None, "name": None}]
    record = encoded(entry_of(columns, [5.0, 6.0], {"_id": "x", "model": "m", "request_id": "q"}))
    assert [d["features"] for d in documents(record[:1], record[1:])] == rows
    for number, row in enumerate(rows):
        alone = {name: column[number : number + 1] for name, column in columns.items()}
        assert entry_of(alone, [5.0], {"model": "m"}) == {"model": "m", "features": row, "output": 5.0}
