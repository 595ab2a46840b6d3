"""The short way at the HTTP protocol gives what the ordinary way gives, and leaves it what is out of the ordinary."""

from __future__ import annotations

import json
import sys
import threading
import time

import pytest
from examples import examples
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from wire import NAME, PATH, Wire, ordinary, request, without

from millrace.compiled.form import compiled_form
from millrace.stores.predictions import PredictionStore
from serving.quick.protocol import QuickProtocol
from serving.quick.waiting import Waiting
from serving.runtime.predictors.apart import ApartPredictor

pytestmark = pytest.mark.integration


@pytest.fixture
def compiled(register, fitted, inputs):
    """A champion that is served compiled."""
    model = fitted(1.0)
    register(model, files=compiled_form(model, inputs).files())
    return model


def rows_of(inputs, count=40):
    return json.loads(inputs.head(count).to_json(orient="records", date_format="iso"))


def quick_answers(client):
    """How many answers took the short way."""
    lines = client.get("/metrics").text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("prediction_gathered_rows_sum"))


def test_both_ways_give_the_same(settings, compiled, inputs, start):
    bodies = rows_of(inputs)
    odd = [{**bodies[0], "RH": None}, {k: v for k, v in bodies[0].items() if k != "RH"}, {**bodies[0], "T": 2**60},
           {**bodies[0], "district": 'n"orth'}, {**bodies[0], "district": "überall"}]  # fmt: skip
    wrong = [{}, [], {**bodies[0], "T": "x"}, {**bodies[0], "wheels": 1.5}, {**bodies[0], "mills": 1},
             {**bodies[0], "observed_at": "soon"}, {**bodies[0], "T": None}]  # fmt: skip
    broken = [b"", b"{", b'{"T": 1e999}', b'{"T": NaN}', b"\xff", b'{"T": 1, "T": 2}']
    with start(settings) as quick, ordinary(settings) as plain:
        before = quick_answers(quick)
        for body in (*bodies, *odd, *wrong, *broken):
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            one, other = quick.post(PATH, content=content), plain.post(PATH, content=content)
            assert one.status_code == other.status_code, content
            assert without(one.json()) == without(other.json())
            assert {name for name in one.headers if name != "date"} == {
                name for name in other.headers if name != "date"
            }
            assert one.headers["content-security-policy"] == other.headers["content-security-policy"]
        assert list(one.json()) == list(other.json())
        assert quick_answers(quick) - before >= len(bodies)
        assert quick_answers(plain) == 0


def test_answers_come_in_the_order_of_a_pipeline(settings, compiled, inputs, start):
    bodies = rows_of(inputs)
    expected = compiled.predict(inputs.head(40)).tolist()
    with start(settings) as client:
        wire = Wire(client)
        health = b"GET /ping HTTP/1.1\r\nHost: mill\r\n\r\n"
        parts, wanted = [], []
        for number, body in enumerate(bodies):
            parts += [request(body, headers=f"X-Request-ID: q{number}\r\n")] + ([health] if number % 7 == 3 else [])
            wanted += [(f"q{number}", expected[number])] + ([None] if number % 7 == 3 else [])
        wire.send(b"".join(parts))
        for one in wanted:
            status, headers, body = wire.read()
            assert status == 200
            if one is not None:
                assert headers["x-request-id"] == one[0] == json.loads(body)["request_id"]
                assert json.loads(body)["prediction"] == pytest.approx(one[1], rel=1e-9)


def test_a_model_that_takes_its_time_is_asked_by_the_short_way_too(
    settings, register, fitted, inputs, start, monkeypatch
):
    monkeypatch.setenv("SERVING_CACHE_ENTRIES", "0")
    register(fitted(1.0))  # not compiled
    bodies, expected = rows_of(inputs), fitted(1.0).predict(inputs.head(40)).tolist()
    taken: list[str] = []
    answer = Waiting.__call__

    async def watched(self, scope, receive, send):
        taken.append(scope["path"])
        await answer(self, scope, receive, send)

    monkeypatch.setattr(Waiting, "__call__", watched)
    wrong = [{}, {**bodies[0], "T": "x"}, {**bodies[0], "wheels": 1.5}, {**bodies[0], "mills": 1}]
    with start(settings) as quick, ordinary(settings) as plain:
        for body in (bodies[0], {**bodies[1], "RH": None}, *wrong):
            one, other = quick.post(PATH, json=body), plain.post(PATH, json=body)
            assert one.status_code == other.status_code
            assert without(one.json()) == without(other.json())
            assert {name for name in one.headers if name != "date"} == {n for n in other.headers if n != "date"}
        assert len(taken) == 2
        wire = Wire(quick)
        health = b"GET /ping HTTP/1.1\r\nHost: mill\r\n\r\n"
        wire.send(b"".join(request(body, headers=f"X-Request-ID: q{n}\r\n") + health for n, body in enumerate(bodies)))
        for number, value in enumerate(expected):
            status, headers, body = wire.read()
            assert (status, headers["x-request-id"]) == (200, f"q{number}")
            assert json.loads(body)["prediction"] == pytest.approx(value, rel=1e-9)
            assert wire.read()[0] == 200
    found = {row["request_id"] for row in PredictionStore(settings).find(NAME)}
    assert {f"q{number}" for number in range(len(bodies))} <= found


@given(data=st.data())
@examples(25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_request_in_pieces_is_answered_as_one(served, data):
    client, bodies, expected = served
    number = data.draw(st.integers(0, len(bodies) - 1))
    content = request(bodies[number]) + request(bodies[0])
    cuts = sorted(data.draw(st.sets(st.integers(1, len(content) - 1), max_size=6)))
    wire = Wire(client)
    for start, stop in zip([0, *cuts], [*cuts, len(content)], strict=True):
        wire.send(content[start:stop])
        time.sleep(0.002)
    for place in (number, 0):
        status, _, body = wire.read()
        assert (status, json.loads(body)["prediction"]) == (200, pytest.approx(expected[place], rel=1e-9))


@pytest.fixture
def served(settings, compiled, inputs, start):
    with start(settings) as client:
        yield client, rows_of(inputs), compiled.predict(inputs.head(40)).tolist()


def test_many_at_once_get_their_own_answers(served):
    client, bodies, expected = served
    wrong = []

    def ask(first):
        wire = Wire(client)
        for turn in range(100):
            number = (first + turn) % len(bodies)
            wire.send(request(bodies[number], headers=f"X-Request-ID: t{first}-{turn}\r\n"))
            _, _, body = wire.read()
            answer = json.loads(body)
            if abs(answer["prediction"] - expected[number]) > 1e-6 or answer["request_id"] != f"t{first}-{turn}":
                wrong.append(answer)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert quick_answers(client) >= 1_200


def test_each_answer_has_its_record(settings, compiled, inputs, start):
    with start(settings) as client:
        ids = []
        for number, body in enumerate(rows_of(inputs)):
            ids.append(client.post(PATH, json=body, headers={"X-Millrace-Key": f"order-{number}"}).json()["request_id"])
        told = client.post("/api/v1/feedback", json={"model": NAME, "key": "order-3", "truth": 1.0})
        assert told.status_code == 200
        lines = client.get("/metrics").text.splitlines()
    found = {row["request_id"]: row for row in PredictionStore(settings).find(NAME)}
    assert set(found) == set(ids)
    assert found[ids[3]]["key"] == "order-3"
    assert found[ids[5]]["features"]["district"] == inputs["district"].iloc[5]
    assert f'prediction_rows_total{{model="{NAME}",variant="champion"}} 40.0' in lines
    counted = 'http_requests_total{method="POST",route="/api/v1/models/{name}/predict",status="200"} 40.0'
    assert counted in lines


def test_a_limit_holds_on_the_short_way(settings, compiled, inputs, start, monkeypatch):
    monkeypatch.setenv("SERVING_ANONYMOUS_LIMIT", "25/hour")
    with start(settings) as client:
        asked = [client.post(PATH, json=rows_of(inputs, 1)[0]) for _ in range(30)]
    statuses = [answer.status_code for answer in asked]
    refused = [answer for answer in asked if answer.status_code == 429]
    assert statuses == sorted(statuses)
    assert 5 <= len(refused) <= 10  # the fixture's own look counts too
    assert int(refused[0].headers["retry-after"]) > 0


def test_a_large_limit_is_counted_ahead_and_still_holds(settings, compiled, inputs, start, monkeypatch):
    monkeypatch.setenv("SERVING_ANONYMOUS_LIMIT", "200/hour")
    with start(settings) as client:
        statuses = [client.post(PATH, json=rows_of(inputs, 1)[0]).status_code for _ in range(215)]
    assert statuses.count(200) <= 200
    assert statuses.count(200) >= 190
    assert set(statuses) == {200, 429}


def test_a_key_that_does_not_count_is_refused(settings, compiled, inputs, start):
    with start(settings) as client:
        for headers in ({"Authorization": "Bearer mr_wrong"}, {"X-API-Key": "mr_wrong"}):
            assert client.post(PATH, json=rows_of(inputs, 1)[0], headers=headers).status_code == 401
        assert client.post(PATH.replace(NAME, "absent"), json={}).status_code == 404
        assert quick_answers(client) == 0


def test_a_proxy_is_believed_where_it_is_trusted(settings, compiled, inputs, start, monkeypatch):
    headers = {"X-Forwarded-For": "10.1.2.3", "X-Forwarded-Proto": "https"}
    body = rows_of(inputs, 1)[0]
    with start(settings) as client:
        assert "strict-transport-security" not in client.post(PATH, json=body, headers=headers).headers
    monkeypatch.setenv("SERVING_TRUSTED_PROXIES", "127.0.0.1")
    monkeypatch.setenv("SERVING_ALLOWED_ADDRESSES", "10.1.2.0/24")
    with start(settings) as client:
        one = client.post(PATH, json=body, headers=headers)
        assert one.status_code == 200
        assert "strict-transport-security" in one.headers
        other = client.post(PATH, json=body, headers={**headers, "X-Forwarded-For": "10.9.9.9"})
        assert other.status_code == 403


def test_a_silent_connection_is_closed_and_a_busy_one_is_not(settings, compiled, inputs, start, monkeypatch):
    class Impatient(QuickProtocol):
        def __init__(self, *given, **named):
            super().__init__(*given, **named)
            self.timeout_keep_alive = 1

    monkeypatch.setattr(sys.modules[start.__module__], "QuickProtocol", Impatient)
    content = request(rows_of(inputs, 1)[0])
    with start(settings) as client:
        wire = Wire(client)
        for _ in range(6):
            wire.send(content)
            assert wire.read()[0] == 200
            time.sleep(0.4)
        assert wire.is_closed  # after a second of silence


def test_whoever_leaves_early_harms_nobody(served):
    client, bodies, expected = served
    for _ in range(50):
        wire = Wire(client)
        wire.send(request(bodies[0]))
        wire.socket.close()
    assert client.post(PATH, json=bodies[1]).json()["prediction"] == pytest.approx(expected[1], rel=1e-9)


def test_probabilities_are_told_to_whom_asks(served):
    client, bodies, _ = served
    asked = [client.post(f"{PATH}?probabilities={flag}", json=bodies[0]) for flag in ("true", "false")]
    assert [answer.status_code for answer in asked] == [200, 200]
    assert client.post(f"{PATH}?probabilities=perhaps", json=bodies[0]).status_code == 422


def test_a_rush_is_refused_at_once_and_forgotten_after(settings, register, fitted, inputs, start, monkeypatch):
    monkeypatch.setenv("SERVING_CACHE_ENTRIES", "0")
    register(fitted(1.0))  # not compiled
    asked = ApartPredictor.ask

    def slowly(self, columns):
        time.sleep(0.3)
        return asked(self, columns)

    monkeypatch.setattr(ApartPredictor, "ask", slowly)
    content = request(rows_of(inputs, 1)[0])
    with start(settings) as client:
        wires = [Wire(client) for _ in range(300)]
        for wire in wires:
            wire.send(content)
        found = [wire.read() for wire in wires]
        assert {status for status, _, _ in found} == {200, 503}
        headers, body = next((headers, json.loads(body)) for status, headers, body in found if status == 503)
        assert (headers["retry-after"], body["code"]) == ("1", "overloaded")
        assert body["request_id"] == headers["x-request-id"]
        assert "more to do" in body["error"]
        assert f'predictions_shed_total{{model="{NAME}"}}' in client.get("/metrics").text
        assert client.post(PATH, json=rows_of(inputs, 1)[0]).status_code == 200
