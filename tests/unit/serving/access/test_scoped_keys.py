"""A key for one model, at every route that touches a model, with real models behind it."""

from __future__ import annotations

import json
import re

import pytest
from starlette.routing import Route
from starlette.testclient import TestClient

from millrace.accounts.roles import GRANTABLE
from millrace.settings import Settings
from serving.access.callers import Caller
from serving.access.permissions import Permission, permission_of
from serving.app import create_app
from serving.runtime.model_files import ModelFiles

ROW = {"a": 1.0, "b": 1.0}
OPEN_INFERENCE = {
    "inputs": [{"name": name, "shape": [1], "datatype": "FP64", "data": [1.0]} for name in ROW],
}


@pytest.fixture
def app(tmp_path, card, writer, regression, monkeypatch):
    """A service with the models `mine` and `other`."""
    files = ModelFiles(tmp_path / "models")
    for name in ("mine", "other"):
        version = card(name, "1")
        files.fetch(version, lambda _, folder: writer(folder, regression, {"task": "regression", "targets": ["y"]}))
        files.keep(version)
    monkeypatch.setattr("millrace.connections.CONNECT_SECONDS", 0.05)
    nowhere = "http://127.0.0.1:9"
    app = create_app(
        Settings(
            millrace_home=tmp_path,
            mongodb_uri="mongodb://127.0.0.1:9/",
            s3_endpoint_url=nowhere,
            mlflow_tracking_uri=nowhere,
        )
    )
    app.state.services.manager.restore()
    return app


def client_of(app, monkeypatch, *models: str | None) -> TestClient:
    """A client whose key is for these models."""
    scope = frozenset(name for name in models if name)
    caller = Caller("ann/key", "key", GRANTABLE, models=scope or None)

    async def known(self, token, address):
        return caller

    monkeypatch.setattr("serving.access.middleware.AccessMiddleware._caller", known)
    return TestClient(app, headers={"X-API-Key": "mr_any"}, raise_server_exceptions=False)


def test_every_route_of_a_model_is_closed_to_a_key_for_another(app, monkeypatch):
    client = client_of(app, monkeypatch, "mine")
    asked, open_to = [], []
    for route in app.routes:
        permission = permission_of(route)
        if not isinstance(route, Route) or permission not in GRANTABLE:
            continue
        names_model = re.search(r"/models/\{(name|model)\}", route.path)
        if permission in {Permission.READ, Permission.METRICS} and not names_model:
            continue  # lists and the platform's own state
        path = re.sub(r"\{(name|model)\}", "other", route.path)
        path = re.sub(r"\{[^}]*\}", "1", path)
        for method in sorted(set(route.methods) - {"HEAD"}):
            asked.append((method, route.path))
            if client.request(method, path, json={}).status_code != 403 and route.path != "/invocations":
                open_to.append((method, route.path))
    assert open_to == []
    assert ("POST", "/v2/models/{name}/infer") in asked
    assert ("POST", "/invocations") in asked
    assert ("POST", "/api/v1/models/{name}/predict") in asked


PREDICTING = [
    ("/api/v1/models/{}/predict", ROW),
    ("/api/v1/models/{}/predict?probabilities=1", ROW),
    ("/api/v1/models/{}/predict/batch", [ROW]),
    ("/api/v1/models/{}/invocations", {"dataframe_records": [ROW]}),
    ("/v2/models/{}/infer", OPEN_INFERENCE),
    ("/v2/models/{}/versions/1/infer", OPEN_INFERENCE),
]


@pytest.mark.parametrize(("path", "body"), PREDICTING)
def test_its_own_model_answers(app, monkeypatch, path, body):
    client = client_of(app, monkeypatch, "mine")
    assert client.post(path.format("mine"), content=json.dumps(body)).status_code == 200
    refused = client.post(path.format("other"), content=json.dumps(body))
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert "Its models: mine." in refused.json()["error"]


@pytest.mark.parametrize(
    ("models", "status", "words"),
    [
        (["mine"], 200, "predictions"),
        (["other"], 200, "predictions"),
        (["mine", "absent"], 200, "predictions"),
        (["mine", "other"], 422, "2 models serve"),
        ([None], 422, "2 models serve"),
        (["absent"], 403, "is for no model that serves"),
    ],
)
def test_the_bare_address_means_the_model_that_the_key_is_for(app, monkeypatch, models, status, words):
    answer = client_of(app, monkeypatch, *models).post("/invocations", json={"dataframe_records": [ROW]})
    assert answer.status_code == status
    assert words in answer.text
