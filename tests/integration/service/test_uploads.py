"""A table is uploaded to a real service, a spec is drafted from it, saved, and runs."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from millrace.pipeline import new_run_id, open_context, run_pipeline
from millrace.settings import get_settings
from millrace.spec.installed import find_spec
from serving.app import create_app

pytestmark = pytest.mark.integration
ROWS = [(n * 37 % 101 / 10, "red" if n % 3 else "blue", n % 7) for n in range(200)]
TABLE = "size,colour,price\n" + "".join(f"{size},{colour},{2 * size + more + 5}\n" for size, colour, more in ROWS)


@pytest.fixture
def installation(settings, tmp_path, monkeypatch):
    (tmp_path / "pipelines").mkdir()
    for name in ("s3_bucket", "millrace_port_base"):  # the source of an upload asks the settings of the process
        monkeypatch.setenv(name.upper(), str(getattr(settings, name)))
    get_settings.cache_clear()
    yield settings.model_copy(update={"millrace_pipelines_dir": tmp_path / "pipelines"})
    get_settings.cache_clear()


@pytest.fixture
def service(installation):
    return TestClient(create_app(installation))


def send(service, name="prices.csv", content=TABLE, **more):
    return service.post("/api/v1/tables", params={"name": name, **more}, content=content)


def test_from_a_table_to_a_pipeline_that_runs(service, installation):
    assert send(service).json()["table"] == "prices.csv"
    drafted = service.post("/api/v1/pipelines/draft", json={"table": "prices.csv", "target": ["price"]}).json()
    assert drafted["pipeline"] == "prices"
    assert "type: upload" in drafted["text"]
    assert "/tmp" not in drafted["text"]
    checked = service.post("/api/v1/pipelines/check", json={"text": drafted["text"]}).json()
    assert (checked["errors"], checked["usable"]) == ([], True)
    assert service.put("/api/v1/pipelines/prices", json={"text": drafted["text"]}).status_code == 200
    loaded = find_spec(installation, "prices")
    summary = run_pipeline(open_context(loaded, new_run_id(loaded.spec), settings=installation))
    assert summary["status"] == "success", summary["error"]


def test_a_question_names_the_columns_and_not_our_folders(service):
    send(service)
    asked = service.post("/api/v1/pipelines/draft", json={"table": "prices.csv"})
    assert (asked.status_code, asked.json()["code"]) == (422, "bad_spec")
    assert "'price'" in asked.json()["error"]
    send(service, "few.csv", "a,b\n1,2\n")
    few = service.post("/api/v1/pipelines/draft", json={"table": "few.csv", "target": ["a"]})
    assert few.json()["error"].startswith("few.csv has 1 rows")
    broken = send(service, "broken.parquet", b"PAR1 and no more")
    assert broken.status_code == 200
    refused = service.post("/api/v1/pipelines/draft", json={"table": "broken.parquet", "target": ["a"]})
    assert refused.status_code == 422
    assert "/tmp" not in refused.json()["error"]


def test_a_table_is_replaced_only_on_request(service):
    assert send(service).status_code == 200
    again = send(service)
    assert (again.status_code, again.json()["code"]) == (409, "conflict")
    assert send(service, replace=True).status_code == 200
    entries = service.app.state.services.access.audit.trail._store.entries(10)
    assert [entry["action"] for entry in entries][:2] == ["table.upload", "table.upload.failed"]


@pytest.mark.parametrize(
    ("name", "content", "status"),
    [
        ("../x.csv", TABLE, 422),
        ("prices", TABLE, 422),
        ("prices.exe", TABLE, 422),
        ("prices.csv", "", 400),
        ("prices.csv", "x" * 3000, 413),
    ],
)
def test_what_is_no_table_is_refused(installation, monkeypatch, name, content, status):
    monkeypatch.setenv("SERVING_FILE_BYTES", "2900")
    assert send(TestClient(create_app(installation)), name, content).status_code == status


def test_what_takes_too_long_is_given_up(installation, monkeypatch):
    monkeypatch.setenv("SERVING_DRAFT_SECONDS", "0.01")
    service = TestClient(create_app(installation))
    send(service)
    slow = service.post("/api/v1/pipelines/draft", json={"table": "prices.csv", "target": ["price"]})
    assert slow.status_code == 422
    assert "within 0.01 seconds" in slow.json()["error"]


def test_a_table_that_nobody_uploaded_is_named(service):
    lost = service.post("/api/v1/pipelines/draft", json={"table": "lost.csv"})
    assert (lost.status_code, lost.json()["code"]) == (404, "not_found")
    assert "No table 'lost.csv' was uploaded" in lost.json()["error"]
