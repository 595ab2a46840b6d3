"""A champion with a compiled form over HTTP: it answers as scikit-learn does, also after a swap."""

from __future__ import annotations

import json

import pytest

from millrace.compiled.form import compiled_form

pytestmark = pytest.mark.integration
NAME = "mill-flow"


def rows_of(inputs):
    return json.loads(inputs.head(40).to_json(orient="records", date_format="iso"))


def test_compiled_versions_take_over_from_each_other(settings, register, fitted, inputs, start):
    models = {}
    for factor, run in ((1.0, "run-1"), (3.0, "run-2")):
        model = fitted(factor)
        form = compiled_form(model, inputs)
        assert form.report.status == "compiled", form.report.reason
        models[run] = (model, form.files())
    register(models["run-1"][0], "run-1", files=models["run-1"][1])
    with start(settings) as client:
        for run in ("run-1", "run-2"):
            model, files = models[run]
            if run == "run-2":
                register(model, run, files=files)
                client.post("/api/v1/models/reload")
            assert client.get("/api/v1/models").json()["models"][0]["served_by"] == "compiled"
            expected = pytest.approx(model.predict(inputs.head(40)).tolist(), rel=1e-9)
            answer = client.post(f"/api/v1/models/{NAME}/predict/batch", json=rows_of(inputs)).json()
            assert answer["predictions"] == expected
            singly = [client.post(f"/api/v1/models/{NAME}/predict", json=row).json() for row in rows_of(inputs)]
            assert [one["prediction"] for one in singly] == expected


def test_a_version_without_a_compiled_form_is_served_by_scikit_learn(settings, register, fitted, inputs, start):
    model = fitted(1.0)
    register(model)
    with start(settings) as client:
        assert client.get("/api/v1/models").json()["models"][0]["served_by"] == "scikit-learn"
        answer = client.post(f"/api/v1/models/{NAME}/predict/batch", json=rows_of(inputs)).json()
        assert answer["predictions"] == pytest.approx(model.predict(inputs.head(40)).tolist(), rel=1e-12)
