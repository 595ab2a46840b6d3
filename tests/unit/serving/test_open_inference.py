"""The Open Inference Protocol with its stock client, and its binary tensors byte by byte."""

from __future__ import annotations

import json
import struct

import httpx
import numpy as np
import pytest
import tritonclient.http as triton
from hypothesis import given
from hypothesis import strategies as st
from in_process import on_port
from sklearn.linear_model import LogisticRegression, Ridge
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

from millrace.errors import RequestError
from millrace.inputs.signature import InputField, Signature
from serving.runtime.inference import read_request
from serving.runtime.tensor_bytes import DTYPES, Reader, as_bytes

SIGNATURE = Signature((InputField("a", "double", True), InputField("b", "double", False)), {})


@pytest.fixture(scope="module")
def regression_model(mixed):
    return mixed(Ridge())


@pytest.fixture(scope="module")
def class_model(mixed, mixed_table):
    return mixed(LogisticRegression(max_iter=500), np.where(mixed_table["T"] > 15, "warm", "cold"))


@pytest.fixture(scope="module")
def port(tmp_path_factory, restored, mixed_inputs, regression_model, class_model):
    models = {
        "flow": (regression_model, {"task": "regression", "targets": ["flow"]}, mixed_inputs),
        "felt": (class_model, {"task": "classification", "targets": ["felt"]}, mixed_inputs),
    }
    app = restored(tmp_path_factory.mktemp("home"), models)
    with on_port(app) as port:
        app.state.services.watcher.started = True
        yield port


@pytest.fixture(scope="module")
def client(port):
    with triton.InferenceServerClient(f"127.0.0.1:{port}") as client:
        yield client


def inputs_of(table, metadata, *, binary=True):
    """Every column as the tensor that the metadata ask for."""
    found = []
    for described in metadata["inputs"]:
        column = table[described["name"]]
        if described["datatype"] == "BYTES":
            texts = ["" if value is None else getattr(value, "isoformat", value.__str__)() for value in column]
            data = np.array([text.encode() for text in texts], dtype=object)
        else:
            data = column.to_numpy().astype(triton_dtype(described["datatype"]))
        tensor = triton.InferInput(described["name"], list(data.shape), described["datatype"])
        found.append(tensor.set_data_from_numpy(data, binary_data=binary))
    return found


def triton_dtype(name):
    return next(
        dtype for dtype in (np.float64, np.float32, np.int64, np.int32, bool) if np_to_triton_dtype(dtype) == name
    )


@pytest.mark.parametrize("binary", [True, False])
def test_the_stock_client_gets_right_answers(client, regression_model, mixed_table, binary):
    table = mixed_table.dropna()
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("flow")
    assert client.is_model_ready("flow", "3")
    assert "binary_tensor_data" in client.get_server_metadata()["extensions"]
    metadata = client.get_model_metadata("flow")
    assert [i["datatype"] for i in metadata["inputs"]] == ["FP64", "FP64", "INT64", "BOOL", "BYTES", "BYTES"]
    answer = client.infer("flow", inputs_of(table, metadata, binary=binary), request_id="job-1")
    np.testing.assert_allclose(answer.as_numpy("predict"), regression_model.predict(table), rtol=1e-9)
    assert (answer.get_response()["id"], answer.get_response()["model_version"]) == ("job-1", "3")


def test_nan_among_binary_numbers_is_a_missing_value(client, regression_model, mixed_table):
    table = mixed_table[mixed_table["district"].notna()]
    assert table["RH"].isna().any()
    answer = client.infer("flow", inputs_of(table, client.get_model_metadata("flow")))
    np.testing.assert_allclose(answer.as_numpy("predict"), regression_model.predict(table), rtol=1e-9)


@pytest.mark.parametrize("binary", [True, False])
def test_outputs_come_as_they_are_asked_for(client, class_model, mixed_table, binary):
    table = mixed_table.dropna()
    wanted = [triton.InferRequestedOutput(name, binary_data=binary) for name in ("predict_proba", "predict")]
    answer = client.infer("felt", inputs_of(table, client.get_model_metadata("felt")), outputs=wanted)
    labels = [label.decode() if binary else label for label in answer.as_numpy("predict")]
    assert labels == class_model.predict(table).tolist()
    assert answer.as_numpy("predict_proba").shape == (len(table), 2)
    np.testing.assert_allclose(answer.as_numpy("predict_proba"), class_model.predict_proba(table), rtol=1e-9)
    assert ("data" in answer.get_output("predict")) is not binary


def test_the_client_shows_our_errors(client, mixed_table):
    metadata = client.get_model_metadata("flow")
    with pytest.raises(InferenceServerException, match="field 'observed_at' is missing"):
        client.infer("flow", inputs_of(mixed_table.dropna(), metadata)[:-1])
    gap = mixed_table.dropna().assign(T=np.nan)
    with pytest.raises(InferenceServerException, match=r"Row 0 \(counted from 0\): field 'T' is missing"):
        client.infer("flow", inputs_of(gap, metadata))


@pytest.mark.parametrize("algorithm", ["gzip", "deflate"])
@pytest.mark.parametrize("binary", [True, False])
def test_the_stock_client_may_compress_its_requests(client, regression_model, mixed_table, algorithm, binary):
    table = mixed_table.dropna()
    inputs = inputs_of(table, client.get_model_metadata("flow"), binary=binary)
    answer = client.infer("flow", inputs, request_compression_algorithm=algorithm)
    np.testing.assert_allclose(answer.as_numpy("predict"), regression_model.predict(table), rtol=1e-9)


def request(inputs, behind=b"", **further):
    head = json.dumps({"inputs": inputs, **further}).encode()
    return head + behind, str(len(head))


def tensor(name, datatype, size, shape):
    return {"name": name, "datatype": datatype, "shape": shape, "parameters": {"binary_data_size": size}}


@pytest.mark.parametrize("datatype", [name for name in DTYPES if name != "BOOL"])
def test_every_datatype_of_numbers_is_read(datatype):
    data = np.array([1, 0, 3], DTYPES[datatype]).tobytes()
    body, length = request([tensor("a", datatype, len(data), [3])], data)
    columns, rows = read_request(body, length, SIGNATURE).table
    assert (list(columns["a"]), rows) == ([1.0, 0.0, 3.0], 3)


def test_a_single_tensor_of_all_fields():
    data = np.array([[1.0, 2.0], [3.0, np.nan]]).tobytes()
    columns, rows = read_request(*request([tensor("input-0", "FP64", 32, [2, 2])], data), SIGNATURE).table
    assert (columns["a"].tolist(), rows) == ([1.0, 3.0], 2)
    assert (columns["b"][0], np.isnan(columns["b"][1])) == (2.0, True)


EIGHT = struct.pack("<d", 1.5)


@pytest.mark.parametrize(
    ("body", "length", "words"),
    [
        (*request([tensor("a", "FP64", 8, [1])], EIGHT[:7]), "binary_data_size 8, but 7 bytes are left"),
        (*request([tensor("a", "FP64", 8, [1])], EIGHT + b"x"), "1 bytes behind the JSON belong to no input"),
        (*request([tensor("a", "FP64", 8, [2])], EIGHT), "'a' has 1 values, but the shape [2]"),
        (*request([tensor("a", "FP64", 7, [1])], EIGHT[:7]), "no whole number of FP64"),
        (*request([tensor("a", "FP64", "8", [1])], EIGHT), "binary_data_size '8'"),
        (*request([tensor("a", "FP64", -1, [1])], EIGHT), "binary_data_size -1"),
        (*request([tensor("a", "FP64", True, [1])], EIGHT), "binary_data_size True"),
        (*request([tensor("a", "BOOL", 1, [1])], b"\2"), "neither 0 nor 1"),
        (*request([tensor("a", "BYTES", 5, [1])], b"\2\0\0\0a"), "ends within its text 0"),
        (*request([tensor("a", "BYTES", 2, [1])], b"\2\0"), "ends within its text 0"),
        (*request([tensor("a", "BYTES", 5, [1])], b"\1\0\0\0\xff"), "text 0 that is not UTF-8"),
        (*request([tensor("a", "BF16", 2, [1])], b"\0\0"), "datatype 'BF16'"),
        (*request([{**tensor("a", "FP64", 8, [1]), "parameters": 5}], EIGHT), "'a' has 0 values"),
        (b"{}", "3", "Inference-Header-Content-Length is '3', but the body has 2 bytes"),
        (b"{}", "-1", "Inference-Header-Content-Length is '-1'"),
        (b"{}", "\u0662", "Inference-Header-Content-Length"),
        (*request([], outputs=[{"name": "predict", "parameters": {"classification": 2}}]), "'classification'"),
        (*request([], parameters=[1]), "'parameters' is [1]"),
        (*request([], id=5), "'id' is 5"),
    ],
)
def test_binary_data_that_do_not_fit_are_refused(body, length, words):
    with pytest.raises(RequestError) as caught:
        read_request(body, length, SIGNATURE)
    assert words in str(caught.value)


@given(st.lists(st.text(st.characters(exclude_categories=("Cs",))), min_size=1))
def test_texts_come_back_as_they_were(texts):
    content = as_bytes("BYTES", texts)
    reader = Reader(content)
    assert reader.values("a", "BYTES", len(content)) == texts
    reader.end()


@given(st.binary(max_size=60), st.integers(-1, 70).map(str))
def test_any_bytes_behind_any_length_are_refused(body, length):
    with pytest.raises(RequestError):
        read_request(body, length, SIGNATURE)


def test_an_error_has_the_protocols_form(port):
    answer = httpx.post(f"http://127.0.0.1:{port}/v2/models/flow/infer", json={})
    assert answer.status_code == 422
    assert isinstance(answer.json()["error"], str)
