"""The s3, upload and mongodb sources against the embedded servers."""

from __future__ import annotations

import io
import threading
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pandas as pd
import pytest
from bson import Decimal128, ObjectId
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from millrace.connections import mongo_client, s3_client
from millrace.errors import SourceError, SourceUnavailableError
from millrace.settings import Settings, get_settings
from millrace.sources.base import DataInterval, Reading, Source
from millrace.sources.mongodb import MongoDbSource
from millrace.sources.mongodb_reading import explained
from millrace.sources.reading import read_table
from millrace.sources.s3 import S3Source
from millrace.sources.upload import UploadSource

pytestmark = pytest.mark.integration
DAY = DataInterval(datetime(2024, 1, 2, tzinfo=UTC), datetime(2024, 1, 3, tzinfo=UTC))


@pytest.fixture(autouse=True)
def installation(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    """The test's installation, as a process finds it."""
    monkeypatch.setenv("MILLRACE_HOME", str(settings.millrace_home))
    monkeypatch.setenv("MILLRACE_PORT_BASE", str(settings.millrace_port_base))
    monkeypatch.setenv("MONGODB_DATABASE", settings.mongodb_database)
    monkeypatch.setenv("S3_BUCKET", settings.s3_bucket)
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


@pytest.fixture
def put(settings: Settings):
    """Put an object into the test's bucket; returns its address."""

    def stored(key: str, content: str | bytes) -> str:
        body = content.encode() if isinstance(content, str) else content
        s3_client(settings).put_object(Bucket=settings.s3_bucket, Key=key, Body=body)
        return f"s3://{settings.s3_bucket}/{key}"

    return stored


def refused(source: Source, kind: type[SourceError] = SourceError) -> str:
    with pytest.raises(kind) as caught:
        read_table(source)
    assert type(caught.value) is kind
    assert caught.value.hint
    return str(caught.value)


def test_an_object_and_a_prefix(put, settings):
    sink = io.BytesIO()
    pd.DataFrame({"n": [3]}).to_parquet(sink)
    uri = put("in/a.csv", "n,s\n1,x\n")
    put("parts/1.parquet", sink.getvalue())
    put("parts/2.parquet", sink.getvalue())
    put("parts/_SUCCESS", "")
    reading = Reading()
    assert read_table(S3Source(uri=uri), reading).to_dict("list") == {"n": [1], "s": ["x"]}
    assert reading.origin["uri"] == uri
    assert len(reading.origin["etag"]) == 32
    assert read_table(S3Source(uri=f"s3://{settings.s3_bucket}/parts/"))["n"].tolist() == [3, 3]


def test_what_s3_does_not_have(put, settings):
    put("in/sales.csv", "n\n1\n")
    assert "Did you mean 'in/sales.csv'" in refused(S3Source(uri=f"s3://{settings.s3_bucket}/in/sale.csv"))
    assert "nothing under" in refused(S3Source(uri=f"s3://{settings.s3_bucket}/nowhere/x.csv"))
    assert "no table under" in refused(S3Source(uri=f"s3://{settings.s3_bucket}/nowhere/"))
    assert "bucket 'no-such-bucket' is not there" in refused(S3Source(uri="s3://no-such-bucket/x.csv"))


def test_an_s3_that_does_not_answer(settings):
    source = S3Source(uri="s3://b/x.csv", endpoint="http://127.0.0.1:9", secret_key="geheim")
    message = refused(source, SourceUnavailableError)
    assert "cannot be reached" in message
    assert "geheim" not in message


def test_uploads_by_name_and_the_newest_of_a_folder(put):
    put("uploads/one.csv", "n,s\n1,x\n")
    put("uploads/daily/b.csv", "n,s\n2,x\n")
    put("uploads/daily/a.csv", "n,s\n3,x\n")
    assert read_table(UploadSource(name="one.csv"))["n"].tolist() == [1]
    assert read_table(UploadSource(name="daily/b.csv"))["n"].tolist() == [2]
    assert read_table(UploadSource(name="daily"))["n"].iloc[0] in {2, 3}
    message = refused(UploadSource(name="two.csv"))
    assert "Nothing named 'two.csv' was uploaded" in message
    assert "one.csv" in message


@pytest.fixture
def events(settings: Settings):
    """A collection with documents of many shapes."""
    collection = mongo_client(settings)[settings.mongodb_database]["events"]
    collection.insert_many(
        [
            {
                "_id": ObjectId(),
                "at": datetime(2024, 1, day, 12, tzinfo=UTC),
                "n": day,
                "place": {"city": "Rome"},
                "tags": [1],
            }
            for day in (1, 2, 3)
        ]
    )
    collection.insert_one({"at": datetime(2024, 1, 2, 13, tzinfo=UTC), "n": None, "price": Decimal128("1.50")})
    return collection


@pytest.mark.parametrize("chunk", [1, 100])
def test_documents_become_flat_rows(events, chunk):
    table = read_table(MongoDbSource(collection="events"), Reading(chunk_rows=chunk))
    assert set(table.columns) == {"at", "n", "place.city", "tags", "price"}
    assert str(table["at"].dtype) == "datetime64[ns, UTC]"
    assert table["n"].fillna(-1).tolist() == [1, 2, 3, -1]
    assert table["tags"].tolist() == ["[1]", "[1]", "[1]", None]
    assert table["price"].iloc[3] == 1.5


def test_filter_projection_and_interval(events):
    source = MongoDbSource.model_validate(
        {"collection": "events", "filter": {"n": {"$ne": None}}, "projection": ["n"], "interval": {"column": "at"}}
    )
    with pytest.raises(SourceError, match="names the column 'at'"):
        read_table(source, Reading(interval=DAY))
    source = source.model_copy(update={"projection": ["n", "at"]})
    assert read_table(source, Reading(interval=DAY))["n"].tolist() == [2]
    dated = MongoDbSource.model_validate({"collection": "events", "filter": {"at": {"$lt": date(2024, 1, 2)}}})
    assert read_table(dated)["n"].tolist() == [1]


def test_identifiers_are_text(events):
    table = read_table(MongoDbSource(collection="events", projection={"n": 1}))
    assert table["_id"].str.fullmatch("[0-9a-f]{24}").all()


def test_what_mongodb_refuses(events):
    assert "Did you mean 'events'" in refused(MongoDbSource(collection="event"))
    assert "refused the query" in refused(MongoDbSource(collection="events", filter={"n": {"$nope": 1}}))
    events.insert_one({"n": "four"})
    message = refused(MongoDbSource(collection="events"))
    assert "1 in row 1" in message
    assert "'four' in row 5" in message
    assert "$toString" in message


def test_a_mongodb_that_does_not_answer():
    source = MongoDbSource(uri="mongodb://u:geheim@127.0.0.1:9/?serverSelectionTimeoutMS=200", collection="x")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("millrace.connections.CONNECT_SECONDS", 0.3)
        message = refused(source, SourceUnavailableError)
    assert "cannot be reached" in message
    assert "geheim" not in message
    assert "cannot be asked" in refused(MongoDbSource(uri="http://h", collection="x"))


def test_the_client_is_that_of_the_platform(events, settings):
    assert isinstance(MongoDbSource(collection="events").client(), MongoClient)
    assert MongoDbSource(collection="events").database_name == settings.mongodb_database


def test_refused_credentials_are_for_a_person_to_mend():
    body = b"<?xml version='1.0'?><Error><Code>InvalidAccessKeyId</Code><Message>no such key</Message></Error>"

    class Refusing(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(403)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        endpoint = f"http://127.0.0.1:{server.server_port}"
        message = refused(S3Source(uri="s3://b/x.csv", endpoint=endpoint, access_key="k", secret_key="geheim"))
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert "refused the access to the bucket 'b' (InvalidAccessKeyId)" in message
    assert "geheim" not in message


def test_a_refused_login_of_mongodb_is_for_a_person_to_mend():
    with (
        pytest.raises(SourceError, match=r"refused the access to d\.c") as caught,
        explained("d.c", SourceError, SourceUnavailableError),
    ):
        raise OperationFailure("Authentication failed.", 18)
    assert not caught.value.retryable
