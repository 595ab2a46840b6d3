"""Whatever arrives at the running service, well-formed or not: a 4xx that says what is wrong, and the worker lives."""

from __future__ import annotations

import gzip
import json
import math
import socket
import time
import zlib
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from millrace.stores.model_registry import MlflowRegistry

pytestmark = pytest.mark.integration
NAME = "mill-flow"
ROW = {"T": 15.0, "RH": 40.0, "wheels": 3, "district": "north", "open": True, "observed_at": "2024-01-31T13:00:00Z"}
PATHS = {
    "predict": f"/api/v1/models/{NAME}/predict",
    "batch": f"/api/v1/models/{NAME}/predict/batch",
    "explain": f"/api/v1/models/{NAME}/explain",
    "infer": f"/v2/models/{NAME}/infer",
    "invocations": f"/api/v1/models/{NAME}/invocations",
    "feedback": "/api/v1/feedback",
}
FUZZ = examples(
    max_examples=60,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(scope="module")
def standing(new_installation, tmp_path_factory, registering, fitted, start):
    """A service with one model, whose bodies must arrive within two seconds."""
    settings = new_installation(tmp_path_factory.mktemp("standing") / "home")
    registering(MlflowRegistry(settings))(fitted(1.0))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SERVING_ANONYMOUS_ROLE", "operator")
        patch.setenv("SERVING_BODY_SECONDS", "2")
        with start(settings) as client:
            yield client


@pytest.fixture
def client(standing):
    """One service for all: whatever comes, the worker lives and the model answers."""
    yield standing
    assert standing.post(PATHS["predict"], json=ROW).status_code == 200


def refused(answer, status, *words):
    """An error answer in the one form, which says these words."""
    assert answer.status_code == status, answer.text
    told = answer.json()
    assert told["success"] is False
    assert told["request_id"]
    for word in words:
        assert word in told["error"], told["error"]


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["NaN", "1e999", ""])
)
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*ROW, "x", "inputs"]), inner, max_size=4)
    ),
    max_leaves=12,
)
NEARLY = st.fixed_dictionaries({}, optional={name: st.just(value) | JSON for name, value in ROW.items()})
KEYS = ("dataframe_split", "dataframe_records", "inputs", "instances", "params", "outputs")
FRAMES = st.fixed_dictionaries({}, optional=dict.fromkeys(KEYS, JSON))


def test_every_value_is_answered_or_refused_by_its_field(client):
    @FUZZ
    @given(name=st.sampled_from(list(ROW)), value=JSON)
    def fuzz(name, value):
        body = json.dumps({**ROW, name: value}).encode("utf-8", "surrogatepass")
        answer = client.post(PATHS["predict"], content=body)
        if answer.status_code == 400:  # NaN and Infinity are no JSON at all
            refused(answer, 400)
        elif answer.status_code != 200:
            refused(answer, 422, f"field '{name}'")

    fuzz()


def test_every_document_is_answered_or_refused(client):
    tensor = st.fixed_dictionaries(
        {},
        optional={
            "name": st.sampled_from(list(ROW)) | JSON,
            "shape": st.just([1]) | JSON,
            "datatype": st.sampled_from(["FP64", "BYTES", "BOOL"]) | JSON,
            "data": st.just([1]) | JSON,
            "parameters": JSON | st.just({"binary_data_size": 8}),
        },
    )
    infer = st.fixed_dictionaries(
        {"inputs": st.lists(tensor, max_size=3) | JSON}, optional={"id": JSON, "outputs": JSON}
    )
    documents = JSON | NEARLY | st.lists(NEARLY, max_size=3) | FRAMES | infer

    @FUZZ
    @given(path=st.sampled_from(list(PATHS.values())), document=documents, length=st.none() | st.integers(0, 60))
    def fuzz(path, document, length):
        body = json.dumps(document).encode("utf-8", "surrogatepass")
        headers = {"Inference-Header-Content-Length": str(length)} if length is not None else {}
        answer = client.post(path, content=body, headers={"Content-Type": "application/json", **headers})
        assert answer.status_code < 500, answer.text
        if answer.status_code != 200:
            refused(answer, answer.status_code)

    fuzz()


def test_any_bytes_are_refused(client):
    kinds = [
        "application/json", "text/csv", "application/vnd.apache.arrow.stream", "application/vnd.apache.arrow.file",
        "application/vnd.apache.parquet", "application/octet-stream", "",
    ]  # fmt: skip
    paths = [*PATHS.values(), f"/api/v1/models/{NAME}/predict/file"]

    @FUZZ
    @given(path=st.sampled_from(paths), kind=st.sampled_from(kinds), body=st.binary(max_size=400))
    def fuzz(path, kind, body):
        answer = client.post(path, content=body, headers={"Content-Type": kind} if kind else {})
        assert 400 <= answer.status_code < 500, answer.text
        refused(answer, answer.status_code)

    fuzz()


DEEP = 300_000


ATTACKS = [
    (b'{"T": NaN}', 400, ["NaN is no JSON number"]),
    (b'{"T": -Infinity}', 400, ["Infinity is no JSON number"]),
    (json.dumps(ROW).replace("15.0", "1e999").encode(), 422, ["field 'T'", "finite"]),
    (json.dumps(ROW).replace("15.0", "9" * 400).encode(), 422, ["field 'T'", "double precision"]),
    (json.dumps(ROW).replace("15.0", "9" * 5_000).encode(), 400, ["a number that cannot be read"]),
    (json.dumps(ROW).replace('"wheels": 3', '"wheels": 9007199254740993').encode(), 422, ["field 'wheels'"]),
    (json.dumps(ROW).replace('"T"', '"T": 1, "T"').encode(), 400, ["'T' stands twice"]),
    (json.dumps(ROW).replace('"T"', '"T": 1, "\\u0054"').encode(), 400, ["'T' stands twice"]),
    (b'{"T": ' + b"[" * DEEP + b"]" * DEEP + b"}", 400, ["nested too deeply"]),
    (b'{"T": ' * DEEP, 400, ["nested too deeply"]),
    (json.dumps({**ROW, "T": [[[1]]]}).encode(), 422, ["field 'T' is [[[1]]]; a number is wanted"]),
    (json.dumps({**ROW, "T": {"a": 1}}).encode(), 422, ["field 'T' is {"]),
    (json.dumps({**ROW, "district": "x" * 9_000_000}).encode() + b" ", 200, []),
    (json.dumps({**ROW, "T": "x" * 9_000_000}).encode(), 422, ["field 'T' is \"xxx"]),
    (b" " * 10_000_001, 413, ["larger than 10,000,000 bytes"]),
    (json.dumps(ROW).encode("utf-16"), 400, ["not UTF-8"]),
    (json.dumps({**ROW, "district": "é"}, ensure_ascii=False).encode("latin-1"), 400, ["not UTF-8: byte"]),
    (json.dumps({**ROW, "district": "\ud800"}).encode(), 200, []),
    (json.dumps({**ROW, "district": "\0"}).encode(), 200, []),
    (b"\xef\xbb\xbf" + json.dumps(ROW).encode(), 400, ["no valid JSON"]),
    (json.dumps(ROW).encode() + b"{}", 400, ["no valid JSON", "Extra data"]),
    (b"\0" * 100, 400, ["no valid JSON"]),
]


def test_known_attacks_on_a_row(client):
    for body, status, words in ATTACKS:
        answer = client.post(PATHS["predict"], content=body)
        if status == 200:
            assert answer.status_code == 200, answer.text
            assert math.isfinite(answer.json()["prediction"])
        else:
            refused(answer, status, *words)


def raw(client, head, *pieces, pause=0.0, path=PATHS["predict"]):
    """Send bytes as they are; the status and body of the answer, None where the connection was closed without one."""
    with socket.create_connection((client.base_url.host, client.base_url.port), timeout=30) as connection:
        connection.sendall(f"POST {path} HTTP/1.1\r\nHost: mill\r\n{head}\r\n\r\n".encode("latin-1"))
        for piece in pieces:
            time.sleep(pause)
            try:
                connection.sendall(piece)
            except OSError:  # refused before all of it was sent
                break
        connection.settimeout(10)
        received = b""
        try:
            while more := connection.recv(65_536):
                received += more
                if b"\r\n\r\n" in received and received.endswith(b"}"):
                    break
        except (TimeoutError, ConnectionResetError):
            pass
    status = received.split(b" ", 2)[1] if received else b"0"
    return int(status), received.partition(b"\r\n\r\n")[2].decode("utf-8", "replace")


BODY = json.dumps(ROW).encode()


def test_a_body_that_drips_is_given_up(client):
    head = f"Content-Length: {len(BODY)}\r\nContent-Type: application/json"
    paths = [PATHS[name] for name in ("predict", "infer", "batch", "feedback")]

    def drip(path):
        return raw(client, head, *(BODY[place : place + 1] for place in range(40)), pause=0.1, path=path)

    with ThreadPoolExecutor(len(paths)) as side_by_side:
        answers = dict(zip(paths, side_by_side.map(drip, paths), strict=True))
    for path, (status, body) in answers.items():
        assert (status, json.loads(body)["code"]) == (408, "slow_body"), path


def test_lengths_that_are_wrong(client):
    for head, *pieces in (
        ("Content-Length: 10", BODY),
        ("Content-Length: -1", BODY),
        ("Content-Length: many", BODY),
        ("Content-Length: 5\r\nContent-Length: 6", BODY),
        ("Transfer-Encoding: chunked", b"zz\r\n"),
        ("Transfer-Encoding: chunked", b"5\r\nabcdefgh\r\n0\r\n\r\n"),
        (f"Content-Length: {10**15}", b"{}"),
        (f"X-Long: {'x' * 200_000}\r\nContent-Length: 2", b"{}"),
    ):
        status, _ = raw(client, head, *pieces)
        assert status == 0 or 400 <= status < 500, head
    head = f"Content-Length: {len(BODY) + 9}"
    with socket.create_connection((client.base_url.host, client.base_url.port), timeout=30) as connection:
        connection.sendall(f"POST {PATHS['predict']} HTTP/1.1\r\nHost: mill\r\n{head}\r\n\r\n".encode() + BODY)
    # closed before the announced length had come: nobody is there to be told


def headers_for(path, encoding):
    kind = "text/csv" if path.endswith("/predict/file") else "application/json"
    return {"Content-Encoding": encoding, "Content-Type": kind}


def test_a_packed_body_is_answered_as_the_plain_one_on_every_address(client):
    documents = NEARLY.map(lambda row: {**ROW, **row}) | st.lists(NEARLY, max_size=3) | FRAMES | JSON
    packs = st.sampled_from([("gzip", gzip.compress), ("deflate", zlib.compress)])

    @FUZZ
    @given(path=st.sampled_from(list(PATHS.values())), document=documents, pack=packs)
    def fuzz(path, document, pack):
        body = json.dumps(document).encode("utf-8", "surrogatepass")
        kind = {"Content-Type": "application/json"}
        plain = client.post(path, content=body, headers=kind)
        packed = client.post(path, content=pack[1](body), headers={**kind, "Content-Encoding": pack[0]})
        assert packed.status_code == plain.status_code, packed.text
        for same in ("error", "details", "prediction", "predictions"):
            assert packed.json().get(same) == plain.json().get(same)

    fuzz()


def test_a_damaged_packed_body_is_refused_wherever_it_goes(client):
    packed = gzip.compress(BODY)
    damaged = [b"{}", packed[:-1], packed[:20], packed + b"x", packed[:30] + b"\0\0" + packed[32:]]
    for path in [*PATHS.values(), f"/api/v1/models/{NAME}/predict/file", "/api/v1/auth/login"]:
        for body in damaged:
            answer = client.post(path, content=body, headers=headers_for(path, "gzip"))
            refused(answer, 400, "cannot be unpacked as gzip")
        for encoding in ("br", "zstd", "deflate, gzip"):
            answer = client.post(path, content=packed, headers=headers_for(path, encoding))
            refused(answer, 415, "gzip, deflate")
            assert answer.headers["accept-encoding"] == "gzip, deflate"


def test_a_few_bytes_that_stand_for_very_many_are_refused_wherever_they_go(client):
    bomb = gzip.compress(bytes(200_000_000))
    for path in [*PATHS.values(), "/api/v1/auth/login"]:
        answer = client.post(path, content=bomb, headers=headers_for(path, "gzip"))
        refused(answer, 413, "larger than 10,000,000 bytes")


def test_a_body_that_is_too_large_is_refused_wherever_it_goes(client):
    for path in [*PATHS.values(), "/api/v1/auth/login"]:
        pieces = [b"10000\r\n" + b" " * 65_536 + b"\r\n"] * 160
        status, body = raw(client, "Transfer-Encoding: chunked", *pieces, path=path)
        assert (status, json.loads(body)["code"]) == (413, "too_large"), path


def test_a_large_body_on_every_address(client):
    document = client.get("/openapi.json").json()
    for path, operations in document["paths"].items():
        for method in operations:
            if method in {"post", "put", "patch"} and not path.endswith("/predict/file"):
                address = path.replace("{name}", NAME).replace("{version}", "1")
                with httpx.Client(base_url=client.base_url, timeout=60) as fresh:
                    content = iter([b"[" * 1_000_000] * 10)
                    try:
                        answer = fresh.request(
                            method, address, content=content, headers={"Content-Type": "application/json"}
                        )
                    except httpx.WriteError:  # refused before all of it was sent
                        continue
                    takes_one = "requestBody" in operations[method]
                    assert answer.status_code < 500, (path, answer.text)
                    assert answer.status_code >= 400 or not takes_one, (path, answer.text)
