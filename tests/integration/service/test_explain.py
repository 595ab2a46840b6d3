"""Explanations over HTTP, in a process of their own that may be slow, be ended, and start again."""

from __future__ import annotations

import asyncio

import httpx
import numpy as np
import pytest
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import Pipeline

from serving.explaining.job import Job
from serving.explaining.process import Explaining
from serving.failures import ModelFailedError, NotExplainableError

pytestmark = pytest.mark.integration
ROW = {"T": 15.0, "RH": None, "wheels": 3, "district": "north", "open": True, "observed_at": "2024-01-31T13:00:00Z"}
PATH = "/api/v1/models/mill-flow"


def total(explanation):
    return explanation["base_value"] + sum(one["contribution"] for one in explanation["contributions"])


def test_rows_are_explained_while_other_requests_go_on(settings, register, fitted, start, inputs):
    model = fitted(1.0)
    register(model)
    near = Pipeline([*model.steps[:-1], ("model", KNeighborsRegressor())]).fit(inputs, inputs["T"])
    register(near, name="near")

    async def both(address):
        async with httpx.AsyncClient(base_url=address, timeout=120) as client:
            explaining = asyncio.create_task(client.post(f"{PATH}/explain", json=ROW))
            answered = 0
            while not explaining.done():
                assert (await client.post(f"{PATH}/predict", json=ROW)).status_code == 200
                answered += 1
            return answered, explaining.result()

    with start(settings) as client:
        answered, answer = asyncio.run(both(str(client.base_url)))
        assert answered > 10  # the first explanation starts a process and imports shap, which takes seconds
        assert answer.status_code == 200
        explained = answer.json()
        assert explained["prediction"] == pytest.approx(client.post(f"{PATH}/predict", json=ROW).json()["prediction"])
        (explanation,) = explained["explanations"]
        assert (explanation["target"], explanation["scale"]) == ("flow", "value")
        assert total(explanation) == pytest.approx(explained["prediction"], rel=1e-6)
        assert {tuple(one["fields"]) for one in explanation["contributions"]} == {(name,) for name in ROW}
        refused = client.post("/api/v1/models/near/explain", json=ROW)
        assert (refused.status_code, refused.json()["code"]) == (501, "not_explainable")
        wrong = client.post(f"{PATH}/explain", json={**ROW, "T": "warm"})
        assert (wrong.status_code, wrong.json()["code"]) == (422, "bad_request")


def test_what_takes_too_long_is_ended_and_the_next_explanation_works(settings, register, fitted, start):
    register(fitted(1.0))
    with start(settings):
        pass  # leaves the version's files
    columns = {
        "T": np.array([15.0]),
        "RH": np.array([40.0]),
        "wheels": np.array([3.0]),
        "district": np.array(["north"], dtype=object),
        "open": np.array([1.0]),
        "observed_at": np.array(["2024-01-31T13:00:00"], dtype="datetime64[ns]"),
    }
    job = Job(b"flow", "mill-flow 1", settings.millrace_home / "models" / "mill-flow" / "1", ("flow",))

    async def hurried():
        explaining = Explaining(1e-9)
        try:
            with pytest.raises(NotExplainableError, match="longer than 1e-09 seconds"):
                await explaining.explain(job, columns)
            assert explaining._apart.pid is None
            explaining._seconds = 30.0
            (found,) = await explaining.explain(job, columns)
            with pytest.raises(ModelFailedError, match="ValueError"):
                await explaining.explain(job, {"T": np.ones(2), "RH": np.ones(3)})
            return found
        finally:
            explaining.close()

    assert asyncio.run(hurried())["target"] == "flow"
