"""The service over HTTP with local copies of models, while MongoDB, S3 and MLflow are away."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from millrace.settings import Settings
from serving.app import create_app
from serving.deps import Services
from serving.runtime.model_files import ModelFiles

NOWHERE = 9  # the discard port: nothing listens there


@pytest.fixture(scope="module")
def service(tmp_path_factory, card, writer, regression, classifier, two_targets):
    """A client of a service that has restored three models."""
    home = tmp_path_factory.mktemp("home")
    files = ModelFiles(home / "models")
    for name, estimator, metadata in (
        ("reg", regression, {"task": "regression", "targets": ["y"], "metrics": {"rmse": 0.5}}),
        ("cls", classifier, {"task": "classification", "targets": ["level"]}),
        ("two", two_targets, {"task": "regression", "targets": ["Y1", "Y2"]}),
    ):
        version = card(name, "3")
        files.fetch(version, lambda _, folder, e=estimator, m=metadata: writer(folder, e, m))
        files.keep(version)
    settings = Settings(
        millrace_home=home,
        millrace_port_base=30000,
        mongodb_uri=f"mongodb://127.0.0.1:{NOWHERE}/?serverSelectionTimeoutMS=200",
        s3_endpoint_url=f"http://127.0.0.1:{NOWHERE}",
        mlflow_tracking_uri=f"http://127.0.0.1:{NOWHERE}",
    )
    app = create_app(settings)
    services: Services = app.state.services
    services.manager.restore()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("millrace.connections.CONNECT_SECONDS", 0.2)  # nobody needs to wait for a server that is away
        yield TestClient(app, raise_server_exceptions=False)


def predict(service, body, name="reg", path="predict", **options):
    content = body if isinstance(body, bytes) else json.dumps(body)
    return service.post(f"/api/v1/models/{name}/{path}", content=content, **options)


def test_one_row(service):
    answer = predict(service, {"a": 1.0, "b": 1.0}).json()
    assert answer.pop("timestamp").endswith("+00:00")
    assert answer.pop("request_id")
    assert answer.pop("prediction") == pytest.approx(1.0)
    assert answer == {"success": True, "model": "reg", "model_version": "3"}


def test_nobody_is_sent_to_the_host_that_a_request_names(service):
    for path in ("/api/v1/models/", "/docs/", "/console"):
        answer = service.get(path, headers={"Host": "elsewhere.example"}, follow_redirects=False)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_batch_keeps_the_order(service):
    rows = [{"a": float(i), "b": 0.0} for i in range(100)]
    answer = predict(service, rows, path="predict/batch").json()
    assert answer["predictions"] == pytest.approx([2.0 * i for i in range(100)])
    assert answer["model_version"] == "3"


def test_a_class_has_a_confidence_and_all_probabilities_on_request(service):
    row = {"a": 3.0, "b": 0.0}
    plain, full = predict(service, row, "cls").json(), predict(service, row, "cls", "predict?probabilities=true").json()
    assert plain["prediction"] == "high"
    assert 0.5 < plain["confidence"] <= 1
    assert "probabilities" not in plain
    assert full["probabilities"]["high"] == plain["confidence"]
    assert sum(full["probabilities"].values()) == pytest.approx(1)


def test_several_targets(service):
    assert predict(service, {"a": 1.0, "b": 1.0}, "two").json()["prediction"] == pytest.approx({"Y1": 1.0, "Y2": 2.0})


@pytest.mark.parametrize(
    ("path", "body", "status", "code", "words"),
    [
        ("predict", {"a": "1", "b": 2}, 422, "bad_request", "field 'a' is \"1\"; a number is wanted"),
        ("predict", {"a": 1}, 422, "bad_request", "field 'b' is missing"),
        ("predict", {"a": 1, "b": 2, "bb": 3}, 422, "bad_request", "Did you mean 'b'?"),
        ("predict", [{"a": 1, "b": 2}], 422, "bad_request", "an object of input fields is wanted"),
        ("predict", b'{"a": NaN, "b": 1}', 400, "malformed_body", "NaN is no JSON number"),
        ("predict", b'{"a": 1, "a": 2, "b": 1}', 400, "malformed_body", "'a' stands twice"),
        ("predict", b"{", 400, "malformed_body", "no valid JSON"),
        ("predict", b"", 400, "malformed_body", "empty"),
        ("predict", b'{"a": 1e999, "b": 1}', 422, "bad_request", "a finite number is wanted"),
        ("predict", b'{"\\ud800": 1}', 422, "bad_request", "is no input of this model"),
        ("predict", b"[" * 200_000, 400, "malformed_body", "nested too deeply"),
        ("predict", b"x" * 11_000_000, 413, "too_large", "larger than 10,000,000 bytes"),
        ("predict/batch", {"a": 1, "b": 2}, 400, "malformed_body", "an array of rows is wanted"),
        ("predict/batch", [], 400, "malformed_body", "at least one row"),
        ("predict/batch", [{"a": 1, "b": 2}] * 1001, 413, "too_large", "1,001 rows; at most 1,000"),
        ("predict/batch", [{"a": 1, "b": 2}, {"a": 1}], 422, "bad_request", "Row 1 (counted from 0): field 'b'"),
        ("predict?probabilities=perhaps", {"a": 1, "b": 2}, 422, "bad_request", "query.probabilities"),
    ],
)  # fmt: skip
def test_bad_requests_are_answered_with_a_sentence(service, path, body, status, code, words):
    response = predict(service, body, path=path)
    answer = response.json()
    assert (response.status_code, answer["success"], answer["code"]) == (status, False, code)
    assert words in answer["error"]
    assert answer["request_id"] == response.headers["x-request-id"]
    assert answer["timestamp"]


def test_unknown_models_addresses_and_methods(service):
    absent = predict(service, {}, "regg")
    assert absent.status_code == 503  # MLflow has not answered yet: whether there is such a model is not known
    assert absent.headers["retry-after"]
    assert absent.json()["details"] == {"served": ["cls", "reg", "two"]}
    nowhere = service.get("/api/v1/nothing")
    assert (nowhere.status_code, nowhere.json()["code"]) == (404, "not_found")
    wrong = service.get("/api/v1/models/reg/predict")
    assert (wrong.status_code, wrong.headers["allow"], wrong.json()["code"]) == (405, "POST", "method_not_allowed")
    assert "Allowed: POST" in wrong.json()["error"]


def test_an_unexpected_exception_is_told_by_its_id_only(service, monkeypatch, caplog):
    def broken(*_, **__):
        raise ZeroDivisionError("a secret detail")

    monkeypatch.setattr(service.app.state.services.specs, "catalogue", broken)
    response = service.get("/api/v1/pipelines", headers={"X-Request-ID": "abc-123"})
    assert response.status_code == 500
    assert response.json()["code"] == "internal_error"
    assert "abc-123" in response.json()["error"]
    assert "secret" not in response.text


def test_a_request_id_is_echoed_when_it_is_harmless(service):
    assert service.get("/health/live", headers={"X-Request-ID": "job-7"}).headers["x-request-id"] == "job-7"
    for odd in ("a b", "x" * 65, "é", ""):
        given = service.get("/health/live", headers={"X-Request-ID": odd.encode()}).headers["x-request-id"]
        assert len(given) == 32


def test_the_schema_fits_its_own_example(service):
    import jsonschema

    answer = service.get("/api/v1/models/reg/schema").json()
    assert answer["example"] == {"a": 1.0, "b": 2.0}
    assert [field["name"] for field in answer["fields"]] == ["a", "b"]
    jsonschema.validate(answer["example"], answer["input_schema"])
    assert predict(service, answer["example"]).status_code == 200


def test_the_openapi_document_describes_each_loaded_model(service):
    document = service.get("/openapi.json").json()
    operation = document["paths"]["/api/v1/models/cls/predict"]["post"]
    body = operation["requestBody"]["content"]["application/json"]
    assert body["schema"]["required"] == ["a", "b"]
    assert predict(service, body["example"], "cls").status_code == 200
    assert all(parameter["in"] != "path" for parameter in operation["parameters"])
    identities = [o["operationId"] for path in document["paths"].values() for o in path.values()]
    assert len(identities) == len(set(identities))


def test_health_is_partial_while_the_parts_are_away_and_models_serve(service):
    response = service.get("/health")
    answer = response.json()
    assert (response.status_code, answer["status"]) == (200, "partial")
    assert answer["models_loaded"] == ["cls", "reg", "two"]
    assert not any(part["reachable"] for part in answer["dependencies"].values())
    assert len(answer["problems"]) == 3
    assert service.get("/health/live").status_code == 200


def test_a_service_with_nothing_to_serve_is_unhealthy(tmp_path, service):
    settings = service.app.state.services.settings.model_copy(update={"millrace_home": tmp_path})
    empty = TestClient(create_app(settings))
    response = empty.get("/health")
    assert (response.status_code, response.json()["status"]) == (503, "unhealthy")
    assert empty.get("/health/ready").status_code == 503
    assert (empty.get("/health/startup").status_code, empty.get("/health/startup").json()) == (
        503,
        {"status": "starting"},
    )
    assert empty.get("/health/live").status_code == 200


def test_a_worker_whose_predictions_do_not_end_is_not_ready(service, monkeypatch):
    services = service.app.state.services
    monkeypatch.setattr(services.watcher, "started", True)
    monkeypatch.setattr("serving.runtime.admission.STUCK", -1.0)
    assert service.get("/health/ready").status_code == 200
    with services.admission.enter("reg", 1):
        assert service.get("/health/ready").status_code == 200  # the other models answer
        assert any(
            "reg: its predictions do not end" in problem for problem in service.get("/health").json()["problems"]
        )
        with services.admission.enter("cls", 1), services.admission.enter("two", 1):
            assert service.get("/health/ready").status_code == 503
            assert service.get("/v2/health/ready").status_code == 503
            assert service.get("/health").json()["status"] == "unhealthy"
    assert service.get("/health/ready").status_code == 200


def test_pipelines_are_listed_while_the_database_is_away(service):
    answer = service.get("/api/v1/pipelines").json()
    specs = {path.stem for path in service.app.state.services.settings.millrace_pipelines_dir.glob("*.yaml")}
    assert {pipeline["name"] for pipeline in answer["pipelines"]} == specs
    assert any("MongoDB" in note for note in answer["notes"])


def test_runs_say_that_the_database_is_away(service):
    response = service.get("/api/v1/runs")
    assert (response.status_code, response.json()["code"]) == (503, "storage_unavailable")
    assert "MongoDB" in response.json()["error"]


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "status=lost", "before=yesterday"])
def test_run_queries_are_checked(service, query):
    response = service.get(f"/api/v1/runs?{query}")
    assert response.status_code == 422
    assert query.partition("=")[0] in response.json()["error"]


CONSOLE = Path(__file__).parents[3] / "serving" / "console"


FILES = [f"/console/{path.relative_to(CONSOLE)}" for path in sorted(CONSOLE.rglob("*.*"))]


@pytest.mark.parametrize("path", ["/", "/docs", "/favicon.ico", "/docs/assets/swagger-ui-bundle.js", *FILES])
def test_every_file_of_the_console_is_served_under_a_strict_policy(service, path):
    response = service.get(path)
    assert response.status_code == 200
    assert "default-src 'self'" in response.headers["content-security-policy"]
    assert "unsafe" not in response.headers["content-security-policy"]
    assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", sorted(str(p) for p in CONSOLE.rglob("*.html")))
def test_the_console_loads_nothing_from_elsewhere(path):
    text = Path(path).read_text("utf-8")
    assert "http://" not in text
    assert "https://" not in text
    assert "style=" not in text


@pytest.mark.parametrize("path", ["/console/..%2fapp.py", "/console/../app.py", "/console/%2e%2e/settings.py"])
def test_files_beside_the_console_are_not_served(service, path):
    assert service.get(path).status_code == 404


def test_predictions_and_requests_are_counted(service):
    assert predict(service, {"a": 1.0, "b": 1.0}).status_code == 200
    text = service.get("/metrics").text
    assert 'http_requests_total{method="POST",route="/api/v1/models/{name}/predict",status="200"}' in text
    assert 'prediction_latency_seconds_count{model="reg",variant="champion"}' in text
    assert "active_models_count 3.0" in text
    size = next(line for line in text.splitlines() if line.startswith("prediction_log_spool_bytes "))
    assert float(size.rpartition(" ")[2]) > 0  # MongoDB is away: they wait on disk


def test_a_deadline_that_is_not_met_is_a_503_that_says_so(service, monkeypatch):
    import asyncio

    async def endless(*_, **__):
        await asyncio.Event().wait()

    monkeypatch.setattr(service.app.state.services.answering, "_asked", endless)
    response = predict(service, {"a": 1.5, "b": 41.0}, headers={"X-Millrace-Deadline-Ms": "20"})
    assert (response.status_code, response.json()["code"]) == (503, "deadline_exceeded")
    assert response.headers["retry-after"]
    assert 'predictions_shed_total{model="reg"}' in service.get("/metrics").text
