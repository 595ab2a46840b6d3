"""The Open Inference Protocol and MLflow's scoring protocol over HTTP, with local copies of models."""

from __future__ import annotations

import json

import jsonschema
import numpy as np
import pytest
from in_process import on_port
from starlette.testclient import TestClient


@pytest.fixture(scope="module")
def models(regression, classifier, two_targets):
    return {
        "reg": (regression, {"task": "regression", "targets": ["y"]}),
        "cls": (classifier, {"task": "classification", "targets": ["level"]}),
        "two": (two_targets, {"task": "regression", "targets": ["Y1", "Y2"]}),
    }


@pytest.fixture(scope="module")
def service(tmp_path_factory, restored, models):
    app = restored(tmp_path_factory.mktemp("home"), models)
    app.state.services.watcher.started = True
    return TestClient(app, raise_server_exceptions=False)


def tensor(name, data, datatype="FP64", shape=None):
    return {"name": name, "shape": shape or [len(data)], "datatype": datatype, "data": data}


ROWS = [tensor("a", [1.0, -3.0]), tensor("b", [1.0, 0.0])]

RESPONSE = {  # as the protocol's published OpenAPI document describes it
    "type": "object",
    "required": ["model_name", "outputs"],
    "properties": {
        "model_name": {"type": "string"},
        "model_version": {"type": "string"},
        "id": {"type": "string"},
        "parameters": {"type": "object"},
        "outputs": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name", "shape", "datatype", "data"],
                "properties": {
                    "name": {"type": "string"},
                    "shape": {"type": "array", "items": {"type": "integer"}},
                    "datatype": {"enum": ["BOOL", "INT64", "FP64", "BYTES"]},
                    "data": {"type": "array"},
                },
            },
        },
    },
}


@pytest.mark.parametrize("path", ["/v2/models/reg/infer", "/v2/models/reg/versions/3/infer"])
def test_tensors_are_predicted(service, path):
    answer = service.post(path, json={"id": "call-1", "inputs": ROWS}).json()
    jsonschema.validate(answer, RESPONSE)
    assert (answer["id"], answer["model_name"], answer["model_version"]) == ("call-1", "reg", "3")
    (output,) = answer["outputs"]
    assert (output["name"], output["datatype"], output["shape"]) == ("predict", "FP64", [2])
    assert output["data"] == pytest.approx([1.0, -6.0])


@pytest.mark.parametrize(
    "inputs",
    [
        [tensor("b", [[1.0], [0.0]], shape=[2, 1]), tensor("a", [[1.0], [-3.0]], shape=[2, 1])],
        [tensor("a", [1, -3], "INT64"), tensor("b", [1, 0], "INT32")],
        [tensor("input-0", [1.0, 1.0, -3.0, 0.0], shape=[2, 2])],
        [tensor("input-0", [[1.0, 1.0], [-3.0, 0.0]], shape=[2, 2])],
    ],
)
def test_every_way_to_send_the_same_rows_gives_the_same_answer(service, inputs):
    answer = service.post("/v2/models/reg/infer", json={"inputs": inputs}).json()
    assert answer["outputs"][0]["data"] == pytest.approx([1.0, -6.0])


def test_classes_and_their_probabilities_and_several_targets(service):
    answer = service.post("/v2/models/cls/infer", json={"inputs": ROWS}).json()
    assert answer["outputs"] == [{"name": "predict", "datatype": "BYTES", "shape": [2], "data": ["high", "low"]}]
    wanted = {"inputs": ROWS, "outputs": [{"name": "predict_proba"}]}
    (shares,) = service.post("/v2/models/cls/infer", json=wanted).json()["outputs"]
    assert (shares["shape"], shares["parameters"]) == ([2, 2], {"classes": ["high", "low"]})
    assert np.reshape(shares["data"], (2, 2)).sum(axis=1) == pytest.approx([1.0, 1.0])
    targets = service.post("/v2/models/two/infer", json={"inputs": ROWS}).json()["outputs"]
    assert [output["name"] for output in targets] == ["Y1", "Y2"]
    assert targets[1]["data"] == pytest.approx([2.0, -3.0])


def test_the_metadata_describe_what_infer_takes_and_gives(service):
    answer = service.get("/v2/models/cls").json()
    assert answer["versions"] == ["3"]
    assert [(i["name"], i["datatype"], i["shape"]) for i in answer["inputs"]] == [
        ("a", "FP64", [-1]),
        ("b", "FP64", [-1]),
    ]
    outputs = {o["name"]: (o["datatype"], o["shape"]) for o in answer["outputs"]}
    assert outputs == {"predict": ("BYTES", [-1]), "predict_proba": ("FP64", [-1, 2])}
    assert service.get("/v2/models/cls/versions/3").json() == answer
    assert service.get("/v2").json()["name"] == "millrace"


def test_health_of_the_server_and_of_its_models(service):
    assert service.get("/v2/health/live").json() == {"live": True}
    assert service.get("/v2/health/ready").json() == {"ready": True}
    for path in ("/v2/models/reg/ready", "/v2/models/reg/versions/3/ready"):
        assert service.get(path).json() == {"name": "reg", "ready": True}
    absent = service.get("/v2/models/reg/versions/9/ready")
    assert absent.status_code == 503  # whether there is such a version is not known while MLflow is away
    assert absent.json()["error"]


@pytest.mark.parametrize(
    ("document", "status", "words"),
    [
        ({}, 422, "has no 'inputs'"),
        ([], 422, "no JSON object"),
        ({"inputs": ROWS[:1]}, 422, "field 'b' is missing"),
        ({"inputs": [*ROWS, ROWS[0]]}, 422, "'a' stands twice"),
        ({"inputs": [*ROWS, tensor("bb", [1.0, 2.0])]}, 422, "Did you mean 'b'"),
        ({"inputs": [ROWS[0], tensor("b", [1.0])]}, 422, "shape [1]; [2] or [2, 1] is wanted"),
        ({"inputs": [ROWS[0], tensor("b", [1.0], shape=[2])]}, 422, "'b' has 1 values"),
        ({"inputs": [ROWS[0], tensor("b", ["1", "2"], "BYTES")]}, 422, "field 'b' is \"1\""),
        ({"inputs": [ROWS[0], tensor("b", [1.0, None])]}, 422, "Row 1 (counted from 0): field 'b' is missing"),
        ({"inputs": [ROWS[0], tensor("b", [1.0, 2.0], "FP65")]}, 422, "datatype 'FP65'"),
        (
            {"inputs": [ROWS[0], {**ROWS[1], "parameters": {"binary_data_size": 8}}]},
            422,
            "binary_data_size 8, but 0 bytes are left",
        ),
        ({"inputs": [ROWS[0], {**ROWS[1], "shape": "x"}]}, 422, "a list of sizes is wanted"),
        ({"inputs": ROWS, "outputs": [{"name": "perhaps"}]}, 422, "no output 'perhaps'"),
        ({"inputs": ROWS, "outputs": 5}, 422, "'outputs' is no list"),
        ({"inputs": [tensor(n, [1.0] * 1001) for n in "ab"]}, 413, "1,001 rows; at most 1,000"),
    ],
)
def test_tensors_that_do_not_fit_are_refused_with_a_sentence(service, document, status, words):
    response = service.post("/v2/models/reg/infer", json=document)
    assert response.status_code == status
    assert words in response.json()["error"]


FRAMES = [
    {"dataframe_split": {"columns": ["b", "a"], "data": [[1.0, 1.0], [0.0, -3.0]]}},
    {"dataframe_split": {"index": [0, 1], "data": [[1.0, 1.0], [-3.0, 0.0]]}},
    {"dataframe_records": [{"a": 1.0, "b": 1.0}, {"a": -3.0, "b": 0.0}]},
    {"inputs": {"a": [1.0, -3.0], "b": [1.0, 0.0]}},
    {"inputs": [[1.0, 1.0], [-3.0, 0.0]]},
    {"instances": [{"a": 1.0, "b": 1.0}, {"a": -3.0, "b": 0.0}]},
    {"instances": {"a": [[1.0], [-3.0]], "b": [[1.0], [0.0]]}},
]


@pytest.mark.parametrize("document", FRAMES)
def test_every_format_of_mlflow_gives_the_same_answer(service, document):
    response = service.post("/api/v1/models/reg/invocations", json=document)
    assert response.json() == {"predictions": pytest.approx([1.0, -6.0])}


@pytest.mark.parametrize("text", ["a,b\n1,1\n-3,0\n", "\ufeffb,a\r\n1.0,1e0\r\n0,-3\r\n"])
def test_a_csv_gives_the_same_answer(service, text):
    response = service.post(
        "/api/v1/models/reg/invocations", content=text.encode(), headers={"Content-Type": "text/csv; charset=utf-8"}
    )
    assert response.json() == {"predictions": pytest.approx([1.0, -6.0])}


def test_a_batch_may_be_a_csv(service):
    headers = {"Content-Type": "text/csv"}
    batch = "/api/v1/models/cls/predict/batch"
    answer = service.post(f"{batch}?probabilities=true", content=b"b,a\n0,3\n0,-3\n", headers=headers).json()
    assert answer["predictions"] == ["high", "low"]
    assert [shares["high"] > 0.5 for shares in answer["probabilities"]] == [True, False]
    as_json = service.post(f"{batch}?probabilities=true", json=[{"a": 3, "b": 0}, {"a": -3, "b": 0}]).json()
    assert as_json["probabilities"] == answer["probabilities"]
    refused = service.post(batch, content=b"a,b\n1,2\n1,x\n", headers=headers)
    assert refused.status_code == 422
    assert "Row 1 (counted from 0): field 'b'" in refused.json()["error"]
    content = service.get("/openapi.json").json()["paths"][batch]["post"]["requestBody"]["content"]
    assert {"application/json", "text/csv"} <= set(content)


@pytest.mark.parametrize(
    ("body", "kind", "status", "words"),
    [
        (b"{}", "application/json", 422, "none of MLflow's formats"),
        (b'{"inputs": [], "instances": []}', "application/json", 422, "none of MLflow's formats"),
        (b'{"inputs": []}', "application/json", 422, "no rows"),
        (b'{"inputs": {"a": [1], "b": []}}', "application/json", 422, "different or no length"),
        (b'{"inputs": [[1, 2], [3]]}', "application/json", 422, "Row 1 (counted from 0) is no list of 2 values"),
        (b'{"inputs": [[1, 2]], "params": {"x": 1}}', "application/json", 422, "takes no 'params'"),
        (b'{"dataframe_split": {}}', "application/json", 422, "has no 'data'"),
        (b'{"dataframe_split": {"columns": ["a", "a"], "data": [[1, 2]]}}', "application/json", 422, "stands twice"),
        (b'{"dataframe_records": [{"a": 1}]}', "application/json", 422, "field 'b' is missing"),
        (b"a,b\n", "text/csv", 400, "has no rows"),
        (b"a,b\n1,warm\n", "text/csv", 422, "field 'b' is \"warm\"; a number is wanted"),
        (b"a,b\n1,\n", "text/csv", 422, "field 'b' is missing"),
        (b"a,b\n1,nan\n", "text/csv", 422, "a finite number is wanted"),
        (b"a,b\n1,2,3\n", "text/csv", 422, "no list of 2 values"),
        (b'a,b\n1,"2\n', "text/csv", 400, "no CSV"),
        (b"a,b\n\xff,2\n", "text/csv", 400, "not UTF-8"),
        (b"<a/>", "application/xml", 415, "'application/xml' cannot be read"),
    ],
)
def test_tables_that_do_not_fit_are_refused_with_a_sentence(service, body, kind, status, words):
    response = service.post("/api/v1/models/reg/invocations", content=body, headers={"Content-Type": kind})
    assert response.status_code == status
    assert words in response.json()["error"]


def test_the_bare_address_asks_which_of_several_models_is_meant(service):
    response = service.post("/invocations", json=FRAMES[0])
    assert response.status_code == 422
    assert "cls, reg, two" in response.json()["error"]
    assert service.get("/ping").status_code == 200
    assert service.get("/api/v1/models/reg/ping").status_code == 200
    assert service.get("/api/v1/models/rig/ping").status_code == 503  # MLflow was not asked yet


def test_mlflows_own_scoring_client_gets_right_answers(tmp_path, restored, models, regression, table):
    from mlflow.pyfunc.scoring_server.client import ScoringServerClient

    expected = regression.predict(table).tolist()
    with on_port(restored(tmp_path, {"reg": models["reg"]})) as port:
        client = ScoringServerClient("127.0.0.1", port)
        client.wait_server_ready(timeout=30)
        assert client.get_version()
        for data in (table, table.to_numpy(), table.to_dict("records")):
            assert client.invoke(data).get_predictions().iloc[:, 0].tolist() == pytest.approx(expected)
        client.url_prefix += "/api/v1/models/reg"
        client.ping()
        assert json.loads(client.invoke(table.head(2)).to_json())["predictions"] == pytest.approx(expected[:2])
