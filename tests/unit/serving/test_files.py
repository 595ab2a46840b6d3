"""Files of rows over HTTP: batches in every form, and tables larger than memory should hold, as streams."""

from __future__ import annotations

import asyncio
import io

import httpx
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from in_process import on_port
from starlette.requests import Request
from waiting import until

from millrace.errors import StorageError
from serving.failures import MalformedBodyError, ModelFailedError, OverloadedError, SlowBodyError, TooLargeError
from serving.uploads import Uploads

STREAM = "application/vnd.apache.arrow.stream"
PARQUET = "application/vnd.apache.parquet"
ROWS = 2_500


@pytest.fixture(scope="module")
def app(tmp_path_factory, restored, regression, classifier, two_targets):
    return restored(
        tmp_path_factory.mktemp("home"),
        {
            "reg": (regression, {"task": "regression", "targets": ["y"]}),
            "cls": (classifier, {"task": "classification", "targets": ["level"]}),
            "two": (two_targets, {"task": "regression", "targets": ["Y1", "Y2"]}),
        },
    )


@pytest.fixture(scope="module")
def client(app):
    with on_port(app) as port, httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1/models", timeout=60) as client:
        yield client


@pytest.fixture(scope="module")
def rows():
    random = np.random.default_rng(5)
    return pa.table({"a": random.normal(size=ROWS), "b": random.normal(size=ROWS)})


@pytest.fixture
def services(app):
    return app.state.services


def written(kind, table):
    sink = io.BytesIO()
    if kind == "text/csv":
        pa.csv.write_csv(table, sink)
    elif kind == PARQUET:
        pq.write_table(table, sink, row_group_size=700)
    else:
        with (pa.ipc.new_stream if kind == STREAM else pa.ipc.new_file)(sink, table.schema) as writer:
            writer.write_table(table, max_chunksize=1_900)
    return sink.getvalue()


def parsed(kind, body):
    if kind == "text/csv":
        return pa.csv.read_csv(io.BytesIO(body))
    if kind == PARQUET:
        return pq.read_table(io.BytesIO(body))
    return (pa.ipc.open_stream if kind == STREAM else pa.ipc.open_file)(io.BytesIO(body)).read_all()


KINDS = ["text/csv", STREAM, "application/vnd.apache.arrow.file", PARQUET]


@pytest.mark.parametrize("kind", KINDS)
def test_a_large_file_is_answered_in_its_own_form(client, rows, kind, services):
    answer = client.post("/reg/predict/file", content=written(kind, rows), headers={"Content-Type": kind})
    assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (200, kind)
    assert answer.headers["x-millrace-rows"] == str(ROWS)
    assert (answer.headers["x-millrace-model"], answer.headers["x-millrace-model-version"]) == ("reg", "3")
    found = parsed(kind, answer.content)["prediction"].to_numpy()
    np.testing.assert_allclose(found, 2 * rows["a"].to_numpy() - rows["b"].to_numpy(), rtol=1e-9)
    until(lambda: services.uploads._present == 0)


def test_every_row_has_an_id_where_ids_are_wanted(client, rows):
    headers = {"Content-Type": "text/csv", "Accept": STREAM}
    body = written("text/csv", rows)
    table = parsed(STREAM, client.post("/reg/predict/file?ids=true", content=body, headers=headers).content)
    ids = table["prediction_id"].to_pylist()
    assert len(set(ids)) == ROWS
    assert [identity.partition("/")[2] for identity in ids] == [str(row % 1_000) for row in range(ROWS)]
    assert len({identity.partition("/")[0] for identity in ids}) == 3


def test_the_form_of_the_answer_is_the_caller_s_choice(client, rows):
    headers = {"Content-Type": "text/csv", "Accept": PARQUET}
    body = written("text/csv", rows)
    answer = client.post("/cls/predict/file?probabilities=true", content=body, headers=headers)
    table = parsed(PARQUET, answer.content)
    assert table.column_names == ["prediction", "confidence", "probability_high", "probability_low"]
    high = np.array(table["probability_high"])
    assert ((high > 0.5) == (np.array(table["prediction"]) == "high")).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("wanted", ["application/json", *KINDS])
def test_a_batch_may_come_and_go_in_any_form(client, rows, kind, wanted):
    body = written(kind, rows.slice(0, 20))
    answer = client.post("/two/predict/batch", content=body, headers={"Content-Type": kind, "Accept": wanted})
    assert answer.headers["content-type"].partition(";")[0] == wanted
    if wanted == "application/json":
        found = [row["Y2"] for row in answer.json()["predictions"]]
    else:
        found = parsed(wanted, answer.content)["Y2"].to_pylist()
    a, b = rows["a"].to_numpy()[:20], rows["b"].to_numpy()[:20]
    assert found == pytest.approx((a + b).tolist())


def test_a_json_batch_may_be_answered_as_a_file(client):
    answer = client.post("/cls/predict/batch", json=[{"a": 3, "b": 0}, {"a": -3, "b": 0}], headers={"Accept": STREAM})
    assert parsed(STREAM, answer.content)["prediction"].to_pylist() == ["high", "low"]


@pytest.mark.parametrize(
    ("path", "headers", "status", "words"),
    [
        ("/reg/predict/batch", {"Content-Type": PARQUET}, 413, "more than 1,000 rows"),
        ("/reg/predict/batch", {"Accept": "application/xml"}, 406, "'application/xml'. Allowed: application/json"),
        ("/reg/predict/file", {"Content-Type": "application/json"}, 415, "is no table's. Allowed: text/csv"),
        ("/reg/predict/file", {"Content-Type": PARQUET, "Accept": "application/json"}, 406, "Allowed: text/csv"),
        ("/reg/predict/file", {"Content-Type": STREAM}, 400, "no Arrow file that can be read"),
        ("/reg/predict/file", {"Content-Type": "text/csv"}, 400, "not UTF-8"),
        ("/cls/predict/file", {"Content-Type": PARQUET, "Content-Encoding": "gzip"}, 400, "unpacked as gzip"),
        ("/cls/predict/file", {"Content-Type": PARQUET, "Content-Encoding": "br"}, 415, "gzip, deflate"),
    ],
)  # fmt: skip
def test_refusals(client, rows, path, headers, status, words):
    answer = client.post(path, content=written(PARQUET, rows), headers=headers)
    assert answer.status_code == status
    assert words in answer.json()["error"]


def test_a_row_that_does_not_fit_is_told_before_anything_is_answered(client, rows, services):
    wrong = rows.set_column(1, "b", pa.array([*rows["b"].to_pylist()[:-1], None]))
    answer = client.post("/reg/predict/file", content=written("text/csv", wrong), headers={"Content-Type": "text/csv"})
    assert answer.status_code == 422
    assert f"Row {ROWS - 1} (counted from 0): field 'b' is missing" in answer.json()["error"]
    assert services.uploads._present == 0


def test_an_answer_that_breaks_off_is_never_taken_for_the_whole(client, rows, services, monkeypatch):
    ask, calls = services.answering.of_columns, []

    async def fails_later(model, columns, **options):
        calls.append(len(columns["a"]))
        if len(calls) == 3:
            raise ModelFailedError("The model failed on the third part.")
        return await ask(model, columns, **options)

    monkeypatch.setattr(services.answering, "of_columns", fails_later)
    with pytest.raises(httpx.RemoteProtocolError):
        client.post("/reg/predict/file", content=written("text/csv", rows), headers={"Content-Type": "text/csv"})
    monkeypatch.undo()
    until(lambda: services.uploads._present == 0)
    again = client.post("/reg/predict/file", content=written("text/csv", rows), headers={"Content-Type": "text/csv"})
    assert again.status_code == 200


def test_a_busy_model_makes_a_file_wait_and_not_fail(client, rows, services, monkeypatch):
    ask, refused = services.answering.of_columns, []

    async def busy_at_first(model, columns, **options):
        if len(refused) < 2:
            refused.append(1)
            raise OverloadedError("busy")
        return await ask(model, columns, **options)

    monkeypatch.setattr("serving.file_prediction.PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(services.answering, "of_columns", busy_at_first)
    answer = client.post("/reg/predict/file", content=written("text/csv", rows), headers={"Content-Type": "text/csv"})
    assert (answer.status_code, len(refused)) == (200, 2)


def uploads(tmp_path, **options):
    return Uploads(tmp_path / "uploads", **{"most": 1, "most_bytes": 1_000, "seconds": 5.0, **options})


def request_of(*pieces, headers=(), ends=True, pause=0.0):
    waiting = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    waiting.append({"type": "http.request", "body": b""} if ends else {"type": "http.disconnect"})

    async def receive():
        await asyncio.sleep(pause)
        return waiting.pop(0)

    return Request({"type": "http", "method": "POST", "path": "/", "headers": list(headers)}, receive)


def test_an_upload_is_a_file_without_a_name(tmp_path):
    with asyncio.run(uploads(tmp_path).receive(request_of(b"ab", b"cd"))) as file:
        assert file.read() == b"abcd"
        assert list((tmp_path / "uploads").iterdir()) == []


@pytest.mark.parametrize(
    ("request_", "options", "error", "words"),
    [
        (request_of(b"x" * 600, b"x" * 600), {}, TooLargeError, "larger than 1,000 bytes"),
        (request_of(headers=[(b"content-length", b"1001")]), {}, TooLargeError, "SERVING_FILE_BYTES"),
        (request_of(b"a", ends=False), {}, MalformedBodyError, "closed before the whole file"),
        (request_of(), {}, MalformedBodyError, "empty"),
        (request_of(b"a", b"b", pause=0.2), {"seconds": 0.1}, SlowBodyError, "within 0.1 seconds"),
    ],
)
def test_what_is_no_upload_is_refused(tmp_path, request_, options, error, words):
    with pytest.raises(error, match=words):
        asyncio.run(uploads(tmp_path, **options).receive(request_))


def test_there_is_room_for_so_many_uploads_and_a_disk_that_fails_is_told(tmp_path):
    room = uploads(tmp_path)

    async def twice():
        async with room.place(), room.place():
            pass

    with pytest.raises(OverloadedError, match="1 files are under way already"):
        asyncio.run(twice())
    assert room._present == 0
    (tmp_path / "uploads").write_text("in the way")
    with pytest.raises(StorageError, match="Make room"):
        asyncio.run(room.receive(request_of(b"a")))
