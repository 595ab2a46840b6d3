"""The s3 and mongodb sinks against the embedded servers: a repeated write, whole or after a kill, ends the same."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest

from millrace.connections import mongo_client, s3_client
from millrace.errors import SinkError, SinkUnavailableError
from millrace.settings import Settings, get_settings
from millrace.sources.base import DataInterval, Delivery
from millrace.sources.mongodb import MongoDbSource
from millrace.sources.reading import read_table
from millrace.sources.s3 import S3Source
from millrace.sources.sinks import mongodb_writing
from millrace.sources.sinks.mongodb import MongoDbSink
from millrace.sources.sinks.s3 import S3Sink

pytestmark = pytest.mark.integration
DAY = DataInterval(datetime(2024, 1, 2, tzinfo=UTC), datetime(2024, 1, 3, tzinfo=UTC))
NEXT = DataInterval(datetime(2024, 1, 3, tzinfo=UTC), datetime(2024, 1, 4, tzinfo=UTC))


@pytest.fixture(autouse=True)
def installation(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The test's installation, as a process finds it."""
    monkeypatch.setenv("MILLRACE_HOME", str(settings.millrace_home))
    monkeypatch.setenv("MILLRACE_PORT_BASE", str(settings.millrace_port_base))
    monkeypatch.setenv("MONGODB_DATABASE", settings.mongodb_database)
    monkeypatch.setenv("S3_BUCKET", settings.s3_bucket)
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


def delivery(interval: DataInterval | None = DAY, version: str = "v1", run: str = "r1") -> Delivery:
    return Delivery("sales", run, version, interval)


def frame(*numbers: float | None) -> pd.DataFrame:
    at = pd.date_range("2024-01-02", periods=len(numbers), freq="h", tz="UTC")
    return pd.DataFrame({"at": at, "n": numbers, "s": "x"})


def killed_after(frames: list[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    yield from frames
    raise KeyboardInterrupt


def keys(settings: Settings) -> list[str]:
    listed = s3_client(settings).list_objects_v2(Bucket=settings.s3_bucket).get("Contents", [])
    return [item["Key"] for item in listed]


def test_one_object_for_an_interval_whatever_happens(settings):
    sink = S3Sink(uri=f"s3://{settings.s3_bucket}/out/sales")
    with pytest.raises(KeyboardInterrupt):
        sink.write(killed_after([frame(1)]), delivery())
    assert keys(settings) == []
    for _ in range(2):
        assert sink.write([frame(1), frame(2.5)], delivery())["rows"] == 2
    sink.write([frame(3)], delivery(NEXT))
    sink.write([frame(4)], delivery(version="v2"))
    assert keys(settings) == [
        "out/sales/interval=20240102T000000Z-20240103T000000Z/data.parquet",
        "out/sales/interval=20240103T000000Z-20240104T000000Z/data.parquet",
    ]
    table = read_table(S3Source(uri=f"s3://{settings.s3_bucket}/out/sales/"))
    assert table["n"].tolist() == [4, 3]


def test_objects_by_run_and_for_the_whole_table(settings):
    by_run = S3Sink(uri=f"s3://{settings.s3_bucket}/runs-of", by="run")
    whole = S3Sink(uri=f"s3://{settings.s3_bucket}/whole/")
    for run in ("r1", "r2", "r1"):
        by_run.write([frame(1)], delivery(run=run))
        result = whole.write([frame(1, 2)], delivery(None, run=run))
    assert keys(settings) == ["runs-of/run=r1/data.parquet", "runs-of/run=r2/data.parquet", "whole/data.parquet"]
    body = s3_client(settings).get_object(Bucket=settings.s3_bucket, Key="whole/data.parquet")["Body"].read()
    assert len(body) == result["bytes"]
    assert pd.read_parquet(io.BytesIO(body))["at"].dt.tz is not None


def test_a_bucket_that_is_not_there(settings):
    with pytest.raises(SinkError, match="bucket 'no-such-bucket' is not there"):
        S3Sink(uri="s3://no-such-bucket/x").write([frame(1)], delivery())
    with pytest.raises(SinkUnavailableError, match="cannot be reached"):
        S3Sink(uri="s3://b/x", endpoint="http://127.0.0.1:9", secret_key="s").write([frame(1)], delivery())


@pytest.fixture
def documents(settings: Settings):
    """The documents of the collection `t`, without their marks."""

    def found() -> list[dict[str, Any]]:
        collection = mongo_client(settings)[settings.mongodb_database]["t"]
        return list(collection.find({}, {"_id": 0, "_millrace": 0}).sort("n", 1))

    return found


def numbers(found: list[dict[str, Any]]) -> list[float | None]:
    return [item["n"] for item in found]


def test_an_interval_is_appended_once_and_replaced_when_its_content_changes(documents):
    sink = MongoDbSink(collection="t")
    for _ in range(2):
        assert sink.write([frame(1, 2), frame(3)], delivery())["rows"] == 3
    sink.write([frame(7)], delivery(NEXT))
    assert numbers(documents()) == [1, 2, 3, 7]
    sink.write([frame(5)], delivery(version="v2"))
    assert numbers(documents()) == [5, 7]
    assert documents()[0]["at"] == datetime(2024, 1, 2, tzinfo=UTC)


def test_an_append_that_was_killed_is_completed(documents, monkeypatch):
    sink = MongoDbSink(collection="t")
    table = [frame(*range(30))]
    monkeypatch.setattr(mongodb_writing, "_BATCH", 7)
    whole = mongodb_writing._insert_absent
    calls = []

    def killed(collection: Any, batch: list[dict[str, Any]]) -> None:
        calls.append(1)
        if len(calls) == 3:
            whole(collection, batch[:4])
            raise KeyboardInterrupt
        whole(collection, batch)

    monkeypatch.setattr(mongodb_writing, "_insert_absent", killed)
    with pytest.raises(KeyboardInterrupt):
        sink.write(table, delivery())
    assert len(documents()) == 18
    sink.write(table, delivery())
    assert numbers(documents()) == list(range(30))


def test_replace_is_one_step_and_keeps_the_indexes(documents, settings):
    sink = MongoDbSink(collection="t", mode="replace")
    sink.write([frame(1, 2)], delivery())
    database = mongo_client(settings)[settings.mongodb_database]
    database["t"].create_index("n", name="by_n")
    with pytest.raises(KeyboardInterrupt):
        sink.write(killed_after([frame(9)]), delivery(version="v2"))
    assert numbers(documents()) == [1, 2]
    sink.write([frame(3)], delivery(version="v2"))
    assert numbers(documents()) == [3]
    assert "by_n" in database["t"].index_information()
    assert database.list_collection_names(filter={"name": {"$regex": "incoming"}}) == []


def test_merge_updates_and_inserts_by_key(documents, settings):
    sink = MongoDbSink(collection="t", mode="merge", key=["at"])
    collection = mongo_client(settings)[settings.mongodb_database]["t"]
    sink.write([frame(1, 2)], delivery())
    collection.update_one({"n": 2}, {"$set": {"own": "kept"}})
    for _ in range(2):
        sink.write([frame(8, 9, 10).iloc[1:]], delivery(NEXT))
    assert [(item["n"], item.get("own")) for item in documents()] == [(1, None), (9, "kept"), (10, None)]


def test_names_with_dots_come_back_as_they_were(documents):
    table = pd.DataFrame({"PT08.S1(CO)": [1.5, None], "PT08.S2": [1.0, 2.0], "n": [1.0, 2.0]})
    MongoDbSink(collection="t").write([table], delivery())
    MongoDbSink(collection="t", mode="merge", key=["n"]).write([table.head(1)], delivery(NEXT))
    read = read_table(MongoDbSource(collection="t", projection=["PT08", "n"]))
    pd.testing.assert_frame_equal(read[table.columns], table)


@pytest.mark.parametrize(
    ("table", "spec", "words"),
    [
        (frame(1, None), {"mode": "merge", "key": ["n"]}, "'n' is null in 1 rows"),
        (frame(1, 1), {"mode": "merge", "key": ["n"]}, "1 rows repeat the key"),
        (pd.DataFrame({"$a": [1]}), {}, r"cannot hold the column '\$a'"),
        (pd.DataFrame({"a": [1], "a.b": [1]}), {}, "as 'a' is a column too"),
    ],
)
def test_what_the_sink_refuses(table, spec, words):
    with pytest.raises(SinkError, match=words) as caught:
        MongoDbSink.model_validate({"collection": "t", **spec}).write([table], delivery())
    assert caught.value.hint


def test_a_collection_that_holds_the_key_twice_already(settings):
    MongoDbSink(collection="t").write([frame(1, 2)], delivery())
    with pytest.raises(SinkError, match=r"share a key \(s\) already"):
        MongoDbSink(collection="t", mode="merge", key=["s"]).write([frame(3)], delivery())
