"""Runs and their artifacts over HTTP, from real records in MongoDB and real objects in S3."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from starlette.testclient import TestClient

from serving.app import create_app

pytestmark = pytest.mark.integration
BEGAN = datetime(2026, 1, 1, 12, tzinfo=UTC)


def record(run_id: str, pipeline: str = "mill", minutes: int = 0, status: str = "success", **stages):
    began = BEGAN + timedelta(minutes=minutes)
    return {
        "_id": run_id,
        "pipeline": pipeline,
        "spec_version": "abc",
        "spec": {},
        "status": status,
        "error": None,
        "interval": None,
        "trigger": {"by": "airflow", "dag_id": pipeline, "dag_run_id": "manual__2026-01-01T12:00:00+00:00"},
        "created_at": began,
        "started_at": began,
        "finished_at": began + timedelta(seconds=9),
        "stages": stages,
    }


def stage(output=None, **fields):
    times = {"started_at": BEGAN, "finished_at": BEGAN + timedelta(seconds=2), "seconds": 2.0}
    return {"status": "success", "attempt": 1, "warnings": [], "error": None, "output": output, **times, **fields}


@pytest.fixture
def service(settings):
    return TestClient(create_app(settings), raise_server_exceptions=False)


def test_runs_are_listed_newest_first_and_page_by_page(service, run_store):
    for minute in range(5):
        run_store.create_run(record(f"mill--{minute}", minutes=minute))
    run_store.create_run(record("other--1", "other", 60, "failed"))
    first = service.get("/api/v1/runs?pipeline=mill&limit=2").json()
    assert [run["run_id"] for run in first["runs"]] == ["mill--4", "mill--3"]
    second = service.get("/api/v1/runs", params={"pipeline": "mill", "limit": 2, "before": first["next_before"]}).json()
    assert [run["run_id"] for run in second["runs"]] == ["mill--2", "mill--1"]
    failed = service.get("/api/v1/runs?status=failed").json()
    assert [run["run_id"] for run in failed["runs"]] == ["other--1"]
    assert failed["next_before"] is None


def test_a_run_shows_its_stages_warnings_and_links(service, run_store, settings):
    outputs = {
        "best": "ridge",
        "metric": "rmse",
        "candidates": [{"name": "ridge", "metrics": {"rmse": 1.0}}],
        "plots": {},
    }
    stages = {
        "extract": stage({"dataset": {"version": "v", "rows": 10}}, warnings=["A gap in the source."]),
        "train:ridge": stage({}),
        "train:auto": stage({"report": {"combined": "mean of 2"}}),
        "evaluate": stage(outputs),
        "register": stage({"promoted": True, "reason": "It is the first.", "model_version": "1"}),
    }
    run_store.create_run(record("mill--1", **stages))
    run = service.get("/api/v1/runs/mill--1").json()["run"]
    assert [entry["name"] for entry in run["timeline"]] == list(stages)
    assert run["warnings"] == ["A gap in the source."]
    assert (run["best"], run["promoted"], run["reason"]) == ("ridge", True, "It is the first.")
    assert run["searches"] == {"auto": {"combined": "mean of 2"}}
    page = f"{settings.airflow}/dags/mill/runs/manual__2026-01-01T12%3A00%3A00%2B00%3A00"
    assert run["links"]["airflow"] == page
    absent = service.get("/api/v1/runs/mill--2")
    assert (absent.status_code, absent.json()["code"]) == (404, "not_found")


@pytest.fixture
def with_artifacts(run_store, artifact_store):
    secret = artifact_store.put_bytes("validations/other/secret.html", b"another run's report", "text/html")
    plot = artifact_store.put_bytes("runs/mill--1/plots/residuals.png", b"\x89PNG", "image/png")
    told = artifact_store.put_bytes("runs/mill--1/reports/classes.json", b"{}", "application/json")
    report = artifact_store.put_bytes("validations/mill/mill--1/index.html", b"<h1>Report</h1>", "text/html")
    artifact_store.put_bytes("validations/mill/mill--1/static/style.css", b"h1{}", "text/css")
    stages = {
        "validate": stage({"report_uri": report, "failed": [], "passed": 3, "quarantined": 0, "dataset": {"rows": 1}}),
        "evaluate": stage(
            {
                "best": "a",
                "metric": "rmse",
                "candidates": [],
                "plots": {"residuals": plot},
                "reports": {"classes": told},
            }
        ),
    }
    run_store.create_run(record("mill--1", **stages))
    return secret


def test_listed_artifacts_are_handed_on_with_their_type(service, with_artifacts):
    run = service.get("/api/v1/runs/mill--1").json()["run"]
    assert run["artifacts"] == {
        "plots": ["plots/residuals"],
        "reports": ["reports/classes"],
        "report": "report/index.html",
    }
    told = service.get("/api/v1/runs/mill--1/artifacts/reports/classes")
    assert (told.json(), told.headers["content-type"]) == ({}, "application/json")
    plot = service.get("/api/v1/runs/mill--1/artifacts/plots/residuals")
    assert (plot.content, plot.headers["content-type"]) == (b"\x89PNG", "image/png")
    report = service.get("/api/v1/runs/mill--1/artifacts/report/index.html")
    assert report.text == "<h1>Report</h1>"
    assert report.headers["content-security-policy"].startswith("sandbox")
    style = service.get("/api/v1/runs/mill--1/artifacts/report/static/style.css")
    assert style.headers["content-type"].startswith("text/css")


@pytest.mark.parametrize(
    "path",
    [
        "plots/importance",
        "reports/clusters",
        "plots/%2e%2e/plots/residuals",
        "report/../../other/secret.html",
        "report/..%2f..%2fother%2fsecret.html",
        "report/%2e%2e/%2e%2e/other/secret.html",
        "report//secret.html",
        "report/",
        "datasets/mill",
        "%00",
    ],
)
def test_nothing_else_can_be_read(service, with_artifacts, path):
    response = service.get(f"/api/v1/runs/mill--1/artifacts/{path}")
    assert response.status_code == 404
    assert b"another run" not in response.content


def test_the_report_of_a_failed_validation_can_be_read_too(service, run_store, artifact_store):
    report = artifact_store.put_bytes("validations/mill/mill--9/index.html", b"<h1>Failed</h1>", "text/html")
    error = {"code": "validation_failed", "message": "No.", "details": {"failed": [], "report_uri": report}}
    run_store.create_run(record("mill--9", status="failed", validate=stage(None, status="failed", error=error)))
    assert service.get("/api/v1/runs/mill--9/artifacts/report/index.html").text == "<h1>Failed</h1>"


def test_a_pipeline_shows_its_last_run(settings, run_store, tmp_path):
    specs = tmp_path / "pipelines"
    specs.mkdir()
    source = "source: {type: sample, name: air_quality}"
    (specs / "mill.yaml").write_text(f"name: mill\ndescription: A mill.\nschedule: '@daily'\n{source}\n")
    (specs / "broken.yaml").write_text("name: broken\nsauce: {}\n")
    run_store.create_run(record("mill--1"))
    run_store.create_run(record("mill--2", minutes=5, status="failed"))
    service = TestClient(create_app(settings.model_copy(update={"millrace_pipelines_dir": specs})))
    answer = service.get("/api/v1/pipelines").json()
    (mill,) = answer["pipelines"]
    assert (mill["name"], mill["schedule"], mill["last_run"]["run_id"]) == ("mill", "@daily", "mill--2")
    assert any("broken.yaml" in problem for problem in answer["broken"])
    (specs / "second.yaml").write_text(f"name: second\n{source}\n")
    assert len(service.get("/api/v1/pipelines").json()["pipelines"]) == 2


def test_a_run_whose_version_waits_for_a_person_says_so_until_somebody_answers(service, run_store):
    waiting = {"promoted": False, "model_version": "2", "reason": "Waits.", "decision": {"outcome": "waiting"}}
    answered = {"promoted": False, "outcome": "rejected", "reason": "No.", "model_version": "2", "by": "ann"}
    run_store.create_run(record("mill--1", register=stage(waiting)))
    run_store.create_run(record("mill--2", minutes=1, register=stage(waiting), promote=stage(answered)))
    listed = service.get("/api/v1/runs?pipeline=mill").json()["runs"]
    assert [(run["run_id"], run["waits"]) for run in listed] == [("mill--2", False), ("mill--1", True)]
