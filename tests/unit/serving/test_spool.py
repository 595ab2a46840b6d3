"""What is appended to a spool is read again, whole and once, whatever happens to its writer."""

from __future__ import annotations

import io
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.records.spool import Records, Spool

RECORDS = st.lists(st.binary(max_size=100), max_size=20)


def written(records):
    """The bytes of a file with these records."""
    with tempfile.TemporaryDirectory() as folder:
        spool = Spool(Path(folder), 10**9)
        assert all(spool.append(record) for record in records)
        spool.seal()
        return b"".join(path.read_bytes() for path in Path(folder).glob("*.records"))


def records_of(content):
    """The records of a file with these bytes, and how many of them cannot be read."""
    records = Records(io.BytesIO(content))
    return list(records), records.unread


def read(spool):
    with spool.claimed() as files:
        return [record for path in files for record in records_of(path.read_bytes())[0]]


@given(RECORDS)
def test_records_come_back_as_they_were_written(records):
    assert records_of(written(records)) == (records, 0)


@given(RECORDS.filter(bool), st.data())
def test_a_record_cut_short_hides_none_before_it(records, data):
    content = written(records)
    cut = data.draw(st.integers(1, len(records[-1]) + 7))
    found, unread = records_of(content[:-cut])
    assert found == records[:-1]
    assert unread == len(records[-1]) + 8 - cut


@given(RECORDS.filter(bool), st.data())
def test_a_changed_byte_is_noticed(records, data):
    content = bytearray(written(records))
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    found, unread = records_of(bytes(content))
    assert found == records[: len(found)]
    assert len(found) < len(records)
    assert unread


@given(st.binary(max_size=200))
def test_any_bytes_are_read_without_an_error(content):
    found, unread = records_of(content)
    assert sum(8 + len(record) for record in found) + unread == len(content)


def test_an_open_file_is_not_delivered_and_a_sealed_one_is(tmp_path):
    spool, other = Spool(tmp_path, 10_000), Spool(tmp_path, 10_000)
    assert spool.append(b"one")
    assert read(other) == []
    spool.seal()
    assert len(read(other)) == 1
    assert spool.size == other.folder.joinpath(next(os.walk(tmp_path))[2][0]).stat().st_size


def test_a_file_is_delivered_by_one_worker_at_a_time(tmp_path):
    spool, other = Spool(tmp_path, 10_000), Spool(tmp_path, 10_000)
    spool.append(b"one")
    spool.seal()
    with spool.claimed() as files:
        assert next(files)
        assert read(other) == []
    assert len(read(other)) == 1


def test_a_full_spool_refuses_and_counts(tmp_path):
    spool = Spool(tmp_path, 50)
    record = b"twelve bytes"
    taken = [spool.append(record) for _ in range(5)]
    assert taken == [True, True, False, False, False]
    assert spool.dropped == 3


def test_a_folder_that_cannot_be_written_never_raises(tmp_path):
    (tmp_path / "file").write_text("in the way")
    spool = Spool(tmp_path / "file" / "spool", 10_000)
    assert spool.append(b"x") is False
    assert spool.dropped == 1


@pytest.fixture
def disk():
    """Bounds how long a file of this process may get, as a full disk does: `disk(None)` for no bound."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda most: resource.setrlimit(resource.RLIMIT_FSIZE, (before[1] if most is None else most, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_loses_what_it_cannot_hold_and_nothing_else(tmp_path, disk, caplog):
    spool = Spool(tmp_path, 10**9)
    disk(4_000)
    taken = [spool.append(b"%03d" % number + b"x" * 97) for number in range(100)]
    room = taken.count(True)
    assert taken == [True] * room + [False] * (100 - room)
    assert room == 4_000 // 108
    disk(None)
    assert spool.append(b"after")
    spool.seal()
    assert [record[:3] for record in read(spool)] == [b"%03d" % number for number in range(room)] + [b"aft"]
    assert spool.dropped == 100 - room
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2  # not a line for each record, which would fill the disk further
    assert "records are lost" in said[0]
    assert f"{100 - room} were lost" in said[1]


def test_a_file_that_cannot_be_brought_to_disk_holds_back_no_other(tmp_path, monkeypatch):
    monkeypatch.setattr("serving.records.spool.SEGMENT_BYTES", 50)
    spool, calls = Spool(tmp_path, 10**9), []

    def failing(descriptor):
        calls.append(descriptor)
        if len(calls) == 1:
            raise OSError(5, "Input/output error")

    monkeypatch.setattr("serving.records.spool.os.fsync", failing)
    for number in range(3):
        spool.append(b"%d" % number * 60)
    spool.seal()
    assert len(calls) == 3
    assert [record[:1] for record in read(spool)] == [b"0", b"1", b"2"]


def test_threads_do_not_mix_their_records(tmp_path, monkeypatch):
    monkeypatch.setattr("serving.records.spool.SEGMENT_BYTES", 2_000)
    spool = Spool(tmp_path, 10_000_000)

    def write(start):
        for number in range(start, start + 200):
            spool.append(b"%d %s" % (number, b"x" * (number % 50)))

    threads = [threading.Thread(target=write, args=(start,)) for start in (0, 200, 400, 600)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spool.seal()
    assert len(list(tmp_path.glob("*.records"))) > 5
    assert sorted(int(record.split()[0]) for record in read(spool)) == list(range(800))


WRITER = """
import sys
from pathlib import Path
from serving.records.spool import Spool
spool = Spool(Path(sys.argv[1]), 10**9)
for number in range(10**9):
    spool.append(b"%d" % number)
    sys.stdout.write(f"{number}\\n")
    sys.stdout.flush()
"""


def test_a_killed_writer_loses_nothing_that_it_had_appended(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    told = [int(process.stdout.readline()) for _ in range(500)]
    process.send_signal(signal.SIGKILL)
    told += [int(line) for line in process.stdout.read().split("\n") if line]
    process.wait()
    found = [int(record) for record in read(Spool(tmp_path, 10**9))]
    assert found[: len(told)] == told
