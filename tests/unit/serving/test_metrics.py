"""The numbers for Prometheus: right names, bounded labels, and right sums when several workers count."""

from __future__ import annotations

import json
import logging
import subprocess
import sys

import pytest

from serving.gauges import training_seconds
from serving.logs import AccessLine, AccessLog, configure_logging, current_scope, model_of, request_id
from serving.metrics import OTHER, Metrics, route_of


def scope(path="/health", method="GET", **more):
    return {"type": "http", "method": method, "path": path, "headers": [], **more}


def numbers(metrics):
    text = metrics.page()[0].decode()
    return dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))


def test_requests_are_counted_by_pattern_and_status(tmp_path):
    metrics = Metrics(tmp_path)
    for name in ("a", "b"):
        metrics.note_request(scope(f"/api/v1/models/{name}/predict", "POST"), 200, 0.003)
    metrics.note_request(scope("/nowhere/1", "BREW"), 404, 0.1)
    found = numbers(metrics)
    route = 'route="/api/v1/models/{name}/predict"'
    assert found[f'http_requests_total{{method="POST",{route},status="200"}}'] == "2.0"
    assert found[f'http_request_duration_seconds_bucket{{le="0.0025",method="POST",{route}}}'] == "0.0"
    assert found[f'http_request_duration_seconds_bucket{{le="0.005",method="POST",{route}}}'] == "2.0"
    assert found['http_requests_total{method="other",route="other",status="404"}'] == "1.0"


def test_the_state_is_shown_under_its_names(tmp_path):
    metrics = Metrics(tmp_path)
    metrics.note_state(models=3, queue=2, spool_bytes=77, dropped=4)
    metrics.note_state(models=3, queue=2, spool_bytes=77, dropped=5)
    metrics.note_prediction("mill", "champion", 10, 0.01)
    metrics.note_training("mill", 12.5)
    metrics.note_shed("mill", 1)
    found = numbers(metrics)
    assert found["active_models_count"] == "3.0"
    assert found["prediction_queue_depth"] == "2.0"
    assert found["prediction_log_spool_bytes"] == "77.0"
    assert found["prediction_log_dropped_total"] == "5.0"
    assert found['prediction_latency_seconds_count{model="mill",variant="champion"}'] == "1.0"
    assert found['prediction_rows_total{model="mill",variant="champion"}'] == "10.0"
    assert found['model_training_duration_seconds{model="mill"}'] == "12.5"
    assert found['predictions_shed_total{model="mill"}'] == "1.0"


@pytest.mark.parametrize("path", ["/api/v1/models/m/predict/", "/api/v1/models/a/b/predict", "/x", "/"])
def test_an_address_of_no_route_is_no_label(path):
    assert route_of(scope(path)) == OTHER


WORKER = """
import sys
from pathlib import Path
from serving.metrics import Metrics
metrics = Metrics(Path(sys.argv[1]))
metrics.note_request({"method": "GET", "path": "/x"}, 200, 0.1)
metrics.note_state(models=2, queue=5, spool_bytes=0, dropped=0)
if sys.argv[2] == "show":
    print(metrics.page()[0].decode())
"""


def test_several_workers_are_summed_up_and_dead_ones_hold_no_gauge(tmp_path, monkeypatch):
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path / "shared"))

    def worker(task):
        return subprocess.run(
            [sys.executable, "-c", WORKER, str(tmp_path), task], check=True, capture_output=True, text=True
        ).stdout

    worker("count")
    lines = worker("show").splitlines()
    assert 'http_requests_total{method="GET",route="other",status="200"} 2.0' in lines
    assert "prediction_queue_depth 5.0" in lines
    assert "active_models_count 2.0" in lines


def test_the_time_of_a_training_is_the_sum_of_its_stages():
    stages = {"train:ridge": {"seconds": 1.5}, "train:forest": {"seconds": 2.0}, "evaluate": {"seconds": 9.0}}
    assert training_seconds({"stages": stages}) == 3.5
    assert training_seconds({"stages": {"extract": {"seconds": 1.0}}}) is None


def test_the_access_log_is_json_one_line_a_request():
    written = []
    log = AccessLog(written.append)
    about = {"timestamp": "2026-01-31T13:00:00.000+00:00", "request_id": "job-7", "method": "POST", "user": None}
    path = "/api/v1/models/mill/predict\n{}"
    log.note(AccessLine(path=path, status=200, milliseconds=12.3, model=model_of(path), **about))
    log.note(AccessLine(path="/\udc80", status=404, milliseconds=0.1, model=None, **about))
    log.close()
    first, second = [json.loads(line) for line in b"".join(written).splitlines()]
    assert (first["request_id"], first["model"], first["milliseconds"]) == ("job-7", "mill", 12.3)
    assert first["path"].endswith("\n{}")
    assert second["status"] == 404


def test_the_log_is_json_with_request_and_user(capsys):
    class Caller:
        name = "ada"

    configure_logging("INFO")
    handler = logging.getLogger("serving").handlers[0]
    tokens = request_id.set("job-8"), current_scope.set(scope(**{"millrace.caller": Caller()}))
    try:
        raise ValueError("odd")
    except ValueError:
        record = logging.getLogger("serving.x").makeRecord(
            "serving.x", logging.ERROR, "f", 1, "it %s", ("failed",), sys.exc_info()
        )
    line = json.loads(handler.format(record))
    request_id.reset(tokens[0])
    current_scope.reset(tokens[1])
    assert (line["event"], line["level"], line["logger"]) == ("it failed", "error", "serving.x")
    assert (line["request_id"], line["user"]) == ("job-8", "ada")
    assert "ValueError: odd" in line["exception"]
