"""The prediction log with a real MongoDB: killed, and the service killed, no record is lost and none is doubled."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from free_ports import free_port_base
from waiting import until

from millrace.connections import mongo_client
from millrace.local.programs import mongodb
from millrace.stores.predictions import PredictionStore
from serving.ids import time_of
from serving.records.entry import MASK, Entry
from serving.records.prediction_log import PredictionLog

pytestmark = pytest.mark.integration


def entry(number, outputs=None, key=None):
    """One request; with `outputs` a batch of rows."""
    rows = len(outputs) if outputs else 1
    return Entry(
        model="mill",
        version="1",
        variant="champion",
        at=time.time(),
        request_ids=[f"q{number}"],
        callers=["anonymous"],
        keys=[key],
        latencies_ms=[0.5],
        columns={"a": [float(number)] * rows, "name": MASK},
        outputs=outputs or [2.0 * number],
    )


def kept(settings):
    """How often each request's record is there."""
    collection = mongo_client(settings)[settings.mongodb_database]["predictions"]
    return Counter(
        identity for document in collection.find({}, {"request_ids": 1}) for identity in document["request_ids"]
    )


@pytest.fixture
def store(settings):
    return PredictionStore(settings, keep_days=30)


class Server:
    """A MongoDB of the test's own, which may be killed."""

    def __init__(self, settings):
        (settings.millrace_home / "mongodb").mkdir(parents=True, exist_ok=True)
        self.settings, self.process = settings, None

    def start(self):
        program = mongodb(self.settings)
        log = (self.settings.millrace_home / "mongodb.log").open("ab")
        self.process = subprocess.Popen(program.argv, stdout=log, stderr=log, cwd=self.settings.millrace_home)
        until(lambda: program.probe("127.0.0.1")(0), "MongoDB")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def server(settings):
    own = Server(settings.model_copy(update={"millrace_port_base": free_port_base()}))
    own.start()
    yield own
    own.kill()


def test_what_is_submitted_is_found_again(settings, store, tmp_path):
    log, before = PredictionLog(store, tmp_path), datetime.now(UTC) - timedelta(seconds=1)
    log.submit(entry(1))
    log.submit(entry(2, outputs=[5, 6]))
    assert log.deliver() == 3
    assert log.deliver() == 0
    assert log.spool.size == 0
    assert not list(tmp_path.glob("*.records"))
    found = {(d["request_id"], d["row"]): d for d in store.find("mill")}
    assert found == {(d["request_id"], d["row"]): d for d in store.rows("mill", since=before, version="1")}
    assert found["q1", 0]["features"] == {"a": 1.0, "name": MASK}
    assert found["q1", 0]["at"].tzinfo is not None
    assert found["q2", 1]["output"] == 6
    assert len(list(store.rows("mill", since=before, limit=2))) == 2
    assert not list(store.rows("mill", since=before, version="2"))
    assert not list(store.rows("mill", since=before, until=before))


def test_a_share_of_the_requests_is_recorded_whole(settings, store, tmp_path):
    log = PredictionLog(store, tmp_path, share=0.5)
    for number in range(400):
        log.submit(entry(number, outputs=[1, 2]))
    log.deliver()
    found = kept(settings)
    assert 100 < len(found) < 300
    assert set(found.values()) == {2}


def test_what_cannot_be_read_is_set_aside_and_hides_nothing(settings, store, tmp_path):
    log = PredictionLog(store, tmp_path)
    log.submit(entry(1))
    log.spool.append(b"from a version of long ago")
    log.submit(entry(2))
    assert log.deliver() == 2
    assert log.damaged == 1
    assert len(list(tmp_path.glob("*.damaged"))) == 1
    assert kept(settings) == Counter(["q1", "q2"])


def test_a_document_that_is_too_large_is_counted_and_holds_up_no_other(settings, store, tmp_path):
    log = PredictionLog(store, tmp_path)
    log.submit(msgspec.structs.replace(entry(1), columns={"text": ["x" * 17_000_000]}))
    log.submit(entry(2))
    assert log.deliver() == 1
    assert (log.rejected, log.spool.size) == (1, 0)
    assert kept(settings) == Counter(["q2"])


def test_a_file_delivered_twice_is_kept_once(settings, store, tmp_path):
    log = PredictionLog(store, tmp_path)
    for number in range(10):
        log.submit(entry(number))
    log.spool.seal()
    (path,) = tmp_path.glob("*.records")
    content = path.read_bytes()
    assert log.deliver() == 10
    path.write_bytes(content)  # as after a kill between the insert and the removal of the file
    log.submit(entry(10))
    log.deliver()
    assert kept(settings) == Counter({f"q{number}": 1 for number in range(11)})


def test_old_predictions_age_and_the_setting_may_change(settings, store):
    store.insert([{"_id": "x", "model": "mill"}])
    collection = mongo_client(settings)[settings.mongodb_database]["predictions"]
    assert collection.index_information()["age"]["expireAfterSeconds"] == 30 * 86_400
    PredictionStore(settings, keep_days=7).insert([{"_id": "y", "model": "mill"}])
    assert collection.index_information()["age"]["expireAfterSeconds"] == 7 * 86_400
    PredictionStore(settings, keep_days=0).insert([{"_id": "z", "model": "mill"}])
    assert "age" not in collection.index_information()


def test_a_killed_mongodb_loses_and_doubles_nothing(server, tmp_path, wait):
    log = PredictionLog(PredictionStore(server.settings), tmp_path / "spool", seconds=0.05)
    submitted, stop = [], threading.Event()

    def load():
        while not stop.wait(0.001):
            log.submit(entry(len(submitted)))
            submitted.append(f"q{len(submitted)}")

    log.start()
    thread = threading.Thread(target=load)
    thread.start()
    for _ in range(2):
        before = log.delivered
        wait(lambda before=before: log.delivered > before + 100)
        server.kill()
        wait(lambda: log.error is not None)
        assert "MongoDB" in log.error
        server.start()
        wait(lambda: log.error is None)
    stop.set()
    thread.join()
    log.close()
    wait(lambda: log.spool.size == 0)
    assert log.spool.dropped == 0
    assert kept(server.settings) == Counter(dict.fromkeys(submitted, 1))


SERVICE = """
import sys
import time
from pathlib import Path
from millrace.settings import Settings
from millrace.stores.predictions import PredictionStore
from serving.records.entry import Entry
from serving.records.prediction_log import PredictionLog
settings = Settings.model_validate_json(sys.argv[1])
log = PredictionLog(PredictionStore(settings), Path(sys.argv[2]), seconds=0.02)
log.start()
for number in range(10**9):
    about = [f"q{number}"], ["ada"], [None], [0.5]
    log.submit(Entry("mill", "1", "champion", time.time(), *about, {"a": [float(number)]}, [1.0]))
    sys.stdout.write(f"q{number}\\n")
    sys.stdout.flush()
"""


def test_a_killed_service_loses_and_doubles_nothing(settings, store, tmp_path, wait):
    store.find("mill")
    plain = settings.model_dump_json(exclude={"aws_access_key_id", "aws_secret_access_key", "airflow_password"})
    process = subprocess.Popen(
        [sys.executable, "-c", SERVICE, plain, str(tmp_path)], stdout=subprocess.PIPE, text=True, env=dict(os.environ)
    )
    told = []
    while len(told) < 2_000 or not kept(settings):
        told.append(process.stdout.readline().strip())
    process.send_signal(signal.SIGKILL)
    told += [line for line in process.stdout.read().split("\n")[:-1] if line]
    process.wait()
    assert sum(kept(settings).values()) < len(told)  # it died with something in its spool
    log = PredictionLog(store, tmp_path)
    log.deliver()
    found = kept(settings)
    assert set(found.values()) == {1}
    assert set(told) <= set(found)
    assert len(found) <= len(told) + 1  # the one whose answer was not told any more


WRONG = (
    {},
    {"truth": 1},
    {"prediction_id": "q1"},
    {"prediction_id": "q1", "model": "m", "key": "k", "truth": 1},
    {"model": "mill", "truth": 1},
    {"prediction_id": "$ne", "truth": 1},
    {"prediction_id": "q1", "truth": 1, "x": 1},
)


def test_feedback_is_kept_once_and_names_its_prediction(settings, store, start, register, fitted):
    log = PredictionLog(store, settings.millrace_home / "other")
    log.submit(entry(1, key="order-7"))
    log.submit(entry(2, outputs=[5, 6]))
    log.deliver()
    with start(settings) as client:

        def give(**body):
            return client.post("/api/v1/feedback", json=body)

        first, again = give(prediction_id="q1", truth=2.5).json(), give(prediction_id="q1", truth=2.5).json()
        assert (first["first"], first["matched"], again["first"]) == (True, True, False)
        assert give(prediction_id="q2/1", truth="high").json()["matched"]
        assert not give(prediction_id="q2/2", truth="high").json()["matched"]
        assert give(model="mill", key="order-7", truth={"Y1": 1.0}).json()["matched"]
        for wrong in WRONG:
            refused = give(**wrong)
            assert (refused.status_code, refused.json()["code"]) == (422, "bad_request")
    collection = mongo_client(settings)[settings.mongodb_database]["feedback"]
    found = {document["_id"]: document for document in collection.find()}
    assert len(found) == 4
    assert found["request/q1/0"]["version"] == "1"
    assert found["key/mill/order-7"]["truth"] == {"Y1": 1.0}


def test_every_answer_of_the_service_is_recorded(settings, store, start, register, fitted):
    version = register(fitted(1.0))
    address = "/api/v1/models/mill-flow"
    with start(settings) as client:
        example = client.get(f"{address}/schema").json()["example"]
        one = client.post(f"{address}/predict", json=example, headers={"X-Millrace-Key": "order-7"}).json()
        batch = client.post(f"{address}/predict/batch", json=[example] * 3).json()
        assert client.post(f"{address}/predict", json={}).status_code == 422
    found = {(d["request_id"], d["row"]): d for d in store.find("mill-flow")}  # delivered when it stopped
    assert set(found) == {(one["request_id"], 0), *((batch["request_id"], row) for row in range(3))}
    record = found[one["request_id"], 0]
    assert (record["version"], record["output"], record["key"]) == (version, one["prediction"], "order-7")
    assert set(record["features"]) == set(example)
    assert record["latency_ms"] > 0
    assert abs(record["at"].timestamp() - time_of(record["request_id"])) < 10


def test_each_row_of_a_file_can_be_told_its_truth(settings, register, fitted, start, inputs, wait, monkeypatch):
    monkeypatch.setenv("SERVING_BATCH_ROWS", "30")
    register(fitted(1.0), compiled=True)
    table = inputs.assign(observed_at=inputs["observed_at"].astype(str))
    path = "/api/v1/models/mill-flow/predict/file?ids=true"
    with start(settings) as client:
        content = table.to_csv(index=False).encode()
        answer = client.post(path, content=content, headers={"Content-Type": "text/csv"}).text.splitlines()
        ids = [line.rpartition(",")[2].strip('"') for line in answer[1:]]
        assert len(set(ids)) == len(table)
        for identity in (ids[0], ids[-1]):
            told = {"prediction_id": identity, "truth": 2.5}
            wait(lambda told=told: client.post("/api/v1/feedback", json=told).json()["matched"])
