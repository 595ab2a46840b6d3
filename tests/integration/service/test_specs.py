"""Pipelines made through the API of a real service: checked, made, changed, retired, and on disk at once."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient
from waiting import until

from millrace.authoring.mirror import Mirror
from millrace.spec.installed import find_spec
from millrace.stores.pipelines import MongoPipelines
from serving.app import create_app
from serving.copyist import Copyist

pytestmark = pytest.mark.integration
TEXT = "name: prices\nsource: {type: sample, name: wine}\n"


@pytest.fixture
def installation(settings, tmp_path):
    folder = tmp_path / "pipelines"
    folder.mkdir()
    (folder / "filed.yaml").write_text(TEXT.replace("prices", "filed"))
    return settings.model_copy(update={"millrace_pipelines_dir": folder})


@pytest.fixture
def service(installation):
    return TestClient(create_app(installation))


def put(service, text=TEXT, tag=None, name="prices", note=""):
    headers = {"If-Match": tag} if tag else {}
    return service.put(f"/api/v1/pipelines/{name}", json={"text": text, "note": note}, headers=headers)


def test_the_life_of_a_pipeline(service, installation):
    made = put(service, note="first")
    assert (made.status_code, made.headers["etag"]) == (200, '"1"')
    assert made.json()["version"]["by"] == "anonymous"
    assert find_spec(installation, "prices").made
    listed = service.get("/api/v1/pipelines").json()["pipelines"]
    assert {pipeline["name"]: pipeline["made"] for pipeline in listed} == {"filed": False, "prices": True}

    shown = service.get("/api/v1/pipelines/prices/spec")
    assert (shown.headers["etag"], shown.json()["text"], shown.json()["made"]) == ('"1"', TEXT, True)
    changed = put(service, TEXT + "description: better\n", shown.headers["etag"])
    assert changed.json()["version"]["version"] == 2
    assert find_spec(installation, "prices").spec.description == "better"

    back = service.post("/api/v1/pipelines/prices/revert", json={"version": 1}, headers={"If-Match": '"2"'})
    assert back.headers["etag"] == '"3"'
    gone = service.delete("/api/v1/pipelines/prices", params={"note": "old"}, headers={"If-Match": '"3"'})
    assert gone.json()["version"]["retired"]
    assert not (installation.made_specs_dir / "prices.yaml").exists()
    assert {p["name"] for p in service.get("/api/v1/pipelines").json()["pipelines"]} == {"filed"}
    versions = service.get("/api/v1/pipelines/prices/spec/versions", params={"limit": 3}).json()
    assert [(v["version"], v["note"]) for v in versions["versions"]] == [(4, "old"), (3, "as version 1"), (2, "")]
    assert versions["next_before"] == 2
    assert service.get("/api/v1/pipelines/prices/spec", params={"version": 2}).json()["text"].endswith("better\n")


@pytest.mark.parametrize(
    ("tag", "status", "code"),
    [(None, 428, "version_required"), ('"7"', 412, "stale_version"), ("x", 422, "bad_request")],
)
def test_a_change_against_another_version_is_refused(service, tag, status, code):
    put(service)
    answer = put(service, TEXT + "description: better\n", tag)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    if status != 422:
        assert answer.json()["details"] == {"version": 1}


def test_a_file_is_shown_and_not_changed(service):
    shown = service.get("/api/v1/pipelines/filed/spec").json()
    assert (shown["made"], shown["version"], shown["text"]) == (False, None, TEXT.replace("prices", "filed"))
    for answer in (put(service, name="filed"), service.delete("/api/v1/pipelines/filed", headers={"If-Match": "1"})):
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
        assert "filed.yaml" in answer.json()["error"]
    assert service.get("/api/v1/pipelines/nobody/spec").status_code == 404
    assert service.get("/api/v1/pipelines/nobody/spec/versions").status_code == 404


def test_a_text_is_checked_and_not_kept(service):
    found = service.post("/api/v1/pipelines/check", json={"text": TEXT.replace("wine", "wien")}).json()
    assert not found["usable"]
    assert (found["errors"][0]["line"], found["pipeline"]) == (2, None)
    assert "Did you mean 'wine'" in found["errors"][0]["message"]
    good = service.post("/api/v1/pipelines/check", json={"text": TEXT}).json()
    assert (good["usable"], good["pipeline"], good["errors"]) == (True, "prices", [])
    refused = put(service, TEXT.replace("wine", "wien"))
    assert (refused.status_code, refused.json()["details"]["problems"][0]["line"]) == (422, 2)


def test_only_operators_change_pipelines(installation, monkeypatch):
    monkeypatch.setenv("SERVING_ANONYMOUS_ROLE", "viewer")
    service = TestClient(create_app(installation))
    assert put(service).status_code == 401
    assert service.post("/api/v1/pipelines/check", json={"text": TEXT}).status_code == 401
    assert service.get("/api/v1/pipelines/filed/spec").status_code == 200


def test_while_mongodb_is_away_files_are_shown_and_changes_refused(installation):
    service = TestClient(create_app(installation.model_copy(update={"millrace_port_base": 1024})))
    assert service.get("/api/v1/pipelines/filed/spec").status_code == 200
    assert put(service).status_code == 503


def test_another_machine_follows_by_itself(service, installation, tmp_path):
    put(service)
    elsewhere = installation.model_copy(update={"millrace_home": tmp_path / "elsewhere"})
    copyist = Copyist(Mirror(elsewhere, MongoPipelines(elsewhere)), seconds=0.05)
    copyist.start()
    until((elsewhere.made_specs_dir / "prices.yaml").exists, "the copy of the first version", 60)
    put(service, TEXT + "description: better\n", '"1"')
    until(lambda: find_spec(elsewhere, "prices").spec.description == "better", "the copy of the second version", 60)
    copyist.close()
