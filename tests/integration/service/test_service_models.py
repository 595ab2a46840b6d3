"""The service with real MLflow and S3: it serves the champion, follows it, and survives without them."""

from __future__ import annotations

import json
import threading

import pytest

from millrace.stores.artifacts import S3ArtifactStore

pytestmark = pytest.mark.integration
NAME = "mill-flow"
PREDICT = f"/api/v1/models/{NAME}/predict"


def rows_of(table):
    """A table as a client sends it: ISO times, null for what is missing."""
    return json.loads(table.to_json(orient="records", date_format="iso", date_unit="us", double_precision=15))


def test_the_served_champion_answers_what_the_pipeline_answers(settings, register, fitted, inputs, start):
    model = fitted(1.0)
    version = register(model)
    with start(settings) as client:
        answer = client.post(f"{PREDICT}/batch", json=rows_of(inputs)).json()
        assert answer["predictions"] == pytest.approx(model.predict(inputs).tolist(), rel=1e-12)
        assert answer["model_version"] == version
        one = client.post(PREDICT, json=rows_of(inputs)[0], headers={"X-Request-ID": "row-0"}).json()
        assert one["prediction"] == pytest.approx(answer["predictions"][0], rel=1e-12)
        assert one["request_id"] == "row-0"
        assert client.get("/health").json()["status"] == "healthy"
        assert client.get("/health/ready").status_code == 200
        assert client.get("/health/startup").json() == {"status": "started"}


def test_the_schema_comes_from_the_signature_and_its_example_predicts(settings, register, fitted, start):
    register(fitted(1.0), compiled=True)
    with start(settings) as client:
        answer = client.get(f"/api/v1/models/{NAME}/schema").json()
        types = {field["name"]: (field["type"], field["required"]) for field in answer["fields"]}
        assert types["RH"] == ("double", False)
        assert types["wheels"][0] == "long"
        assert types["district"] == ("string", True)
        assert types["open"] == ("boolean", True)
        assert types["observed_at"] == ("datetime", True)
        assert client.post(PREDICT, json=answer["example"]).status_code == 200
        unknown = client.post(PREDICT, json={**answer["example"], "district": "a new one"})
        assert unknown.status_code == 200  # a category that training never saw counts as none of the known ones


def test_a_new_champion_takes_over_under_load_without_a_failed_request(settings, register, fitted, inputs, start):
    first = register(fitted(1.0))
    row = rows_of(inputs)[0]
    with start(settings) as client:
        expected = {first: client.post(PREDICT, json=row).json()["prediction"]}
        answers, stop = [], threading.Event()

        def ask():
            while not stop.is_set():
                answers.append(client.post(PREDICT, json=row))

        threads = [threading.Thread(target=ask) for _ in range(2)]
        for thread in threads:
            thread.start()
        second = register(fitted(7.0), "run-2")
        reloaded = client.post("/api/v1/models/reload").json()
        expected[second] = client.post(PREDICT, json=row).json()["prediction"]
        stop.set()
        for thread in threads:
            thread.join()
        assert reloaded["serving"] == {NAME: second}
        assert {answer.status_code for answer in answers} == {200}
        assert all(a.json()["prediction"] == expected[a.json()["model_version"]] for a in answers)
        assert expected[second] > 6 * expected[first]


def test_the_watcher_follows_the_alias_by_itself(settings, register, fitted, start, wait):
    register(fitted(1.0), compiled=True)
    quick = settings.model_copy(update={"model_poll_seconds": 0.05})
    with start(quick) as client:
        second = register(fitted(2.0), "run-2", compiled=True)
        wait(lambda: client.get("/api/v1/models").json()["models"][0]["loaded"] == second)


def test_a_champion_whose_file_is_damaged_leaves_the_last_one_serving(settings, registry, register, fitted, start):
    first = register(fitted(1.0))
    with start(settings) as client:
        before = client.get(f"/api/v1/models/{NAME}/schema").json()["example"]
        second = register(fitted(2.0), "run-2")
        location = registry._location(registry.champion(NAME))
        S3ArtifactStore(settings).put_bytes(location.removeprefix(f"s3://{settings.s3_bucket}/") + "/model.skops", b"x")
        answer = client.post("/api/v1/models/reload").json()
        assert answer["serving"] == {NAME: first}
        assert "cannot be loaded" in answer["failed"][NAME]
        assert client.post(PREDICT, json=before).json()["model_version"] == first
        health = client.get("/health").json()
        assert health["status"] == "partial"
        assert health["models"][0]["failed_version"] == second
        registry.set_alias(NAME, "champion", first)
        assert client.post("/api/v1/models/reload").json()["failed"] == {}
        assert client.get("/health").json()["status"] == "healthy"


def test_a_restart_without_mlflow_s3_and_mongodb_serves_from_its_own_disk(
    settings, register, fitted, inputs, start, away
):
    version = register(fitted(1.0))
    row = rows_of(inputs)[0]
    with start(settings) as client:
        expected = client.post(PREDICT, json=row).json()["prediction"]
    with start(away()) as client:
        answer = client.post(PREDICT, json=row).json()
        assert (answer["prediction"], answer["model_version"]) == (expected, version)
        health = client.get("/health")
        assert (health.status_code, health.json()["status"]) == (200, "partial")
        assert not any(part["reachable"] for part in health.json()["dependencies"].values())
        listed = client.get("/api/v1/models").json()
        assert listed["models"][0]["loaded"] == version
        assert listed["notes"]
        page = client.get(f"/api/v1/models/{NAME}").json()
        assert [v["version"] for v in page["model"]["versions"]] == [version]
        assert client.get("/api/v1/runs").status_code == 503


def test_a_model_without_a_champion_is_listed_and_not_served(settings, registry, register, fitted, start):
    register(fitted(1.0), compiled=True)
    registry._client.delete_registered_model_alias(NAME, "champion")
    with start(settings) as client:
        (listed,) = client.get("/api/v1/models").json()["models"]
        assert (listed["name"], listed["champion"], listed["state"]) == (NAME, None, "waiting")
        refused = client.post(PREDICT, json={})
        assert (refused.status_code, refused.json()["code"]) == (404, "not_found")


def test_a_models_page_lists_its_versions_with_their_lineage(settings, register, fitted, start):
    first, second = register(fitted(1.0), compiled=True), register(fitted(2.0), "run-2", compiled=True)
    with start(settings) as client:
        model = client.get(f"/api/v1/models/{NAME}").json()["model"]
        assert [version["version"] for version in model["versions"]] == [second, first]
        assert (
            model["versions"][0] | {"aliases": ["champion"], "run_id": "run-2", "loaded": True} == model["versions"][0]
        )
        assert model["metrics"] == {"rmse": 0.25}
        absent = client.get("/api/v1/models/mill-flaw")
        assert absent.status_code == 404
        assert f"Did you mean '{NAME}'?" in absent.json()["error"]
