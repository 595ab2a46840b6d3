"""The parity gate and what is kept of it; what cannot be compiled is refused with a plain reason."""

from __future__ import annotations

import hashlib

import numpy as np
import onnx
import pandas as pd
import pytest
from onnx import numpy_helper
from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import Pipeline

from millrace.compiled.convert import convert
from millrace.compiled.form import CompiledReport, compiled_form, opened
from millrace.compiled.graph import NotCompilable
from millrace.compiled.parity import compare
from millrace.compiled.session import MOST_ROWS, CompiledModel
from millrace.features.encoding import encoder
from millrace.features.row_features import RowFeatures


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    return pd.DataFrame({"a": rng.normal(size=400), "b": rng.normal(size=400)})


def pipeline(frame: pd.DataFrame, estimator, truth) -> Pipeline:
    features = RowFeatures([]).fit(frame)
    encode = encoder(features.transform(frame), scaled=True, takes_missing=False, impute="median", warn=print)
    return Pipeline([("features", features), ("encode", encode), ("model", estimator)]).fit(frame, truth)


def changed(content: bytes, factor: float) -> bytes:
    """The model with its last matrix of weights a little off."""
    model = onnx.load_from_string(content)
    weights = next(c for c in reversed(model.graph.initializer) if len(c.dims) == 2 and c.dims[0] == 2)
    weights.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weights) * factor, weights.name))
    return model.SerializeToString()


def test_a_compiled_model_is_kept_with_its_report_and_opens_again(frame):
    model = pipeline(frame, LinearRegression(), frame["a"] * 3 - frame["b"])
    form = compiled_form(model, frame.head(50))
    assert form.report.status == "compiled"
    assert form.report.rows == 100
    assert form.report.largest_relative_difference < 1e-12
    files = form.files()
    report = CompiledReport.model_validate_json(files["compiled.json"])
    assert report == form.report
    again = opened(files["model.onnx"], report, model[0])
    columns = {name: frame[name].to_numpy() for name in frame}
    np.testing.assert_allclose(again.answer(columns).values.ravel(), model.predict(frame), rtol=1e-12)


def test_a_file_that_is_not_the_one_that_passed_is_not_opened(frame):
    model = pipeline(frame, LinearRegression(), frame["a"])
    form = compiled_form(model, frame)
    with pytest.raises(ValueError, match="not the one that passed"):
        opened(changed(form.content, 1.5), form.report, model[0])
    refused = CompiledReport(status="refused", sha256=hashlib.sha256(form.content).hexdigest())
    with pytest.raises(ValueError, match="not the one that passed"):
        opened(form.content, refused, model[0])


def test_a_regression_that_differs_by_more_than_the_limit_is_refused(frame):
    model = pipeline(frame, LinearRegression(), frame["a"] * 3 + 50)
    columns = {name: frame[name].to_numpy() for name in frame}
    content = convert(model)
    assert compare(model, CompiledModel(changed(content, 1 + 5e-6), model[0]), columns).reason is None
    verdict = compare(model, CompiledModel(changed(content, 1 + 1e-2), model[0]), columns)
    assert verdict.largest_difference > 5e-5
    assert "differs from scikit-learn" in verdict.reason


def test_one_changed_class_is_refused(frame):
    model = pipeline(frame, LogisticRegression(), np.where(frame["a"] > 0, "high", "low"))
    columns = {name: frame[name].to_numpy() for name in frame}
    verdict = compare(model, CompiledModel(changed(convert(model), -1.0), model[0]), columns)
    changes = int(verdict.reason.partition(" of 400 rows get another class than from scikit-learn")[0])
    assert changes > 300


def test_an_estimator_without_a_compiled_form_is_refused_with_its_name(frame):
    form = compiled_form(pipeline(frame, GradientBoostingRegressor(n_estimators=3), frame["a"]), frame)
    assert form.content is None
    assert form.report.reason == "GradientBoostingRegressor has no compiled form."
    assert set(form.files()) == {"compiled.json"}


def test_a_pipeline_of_another_making_is_refused(frame):
    with pytest.raises(NotCompilable, match="feature steps, encoder and estimator"):
        convert(Pipeline([("model", LinearRegression())]).fit(frame, frame["a"]))


def test_a_model_that_cannot_be_compared_is_refused_and_nothing_is_raised(frame):
    model = pipeline(frame, LinearRegression(), frame["a"])
    form = compiled_form(model, frame[["a"]])
    assert form.report.status == "refused"
    assert "'b'" in form.report.reason


@pytest.mark.parametrize("text", ["\ud800", "north\x00", "su\u0308d", "\U0001f600", "", None])
def test_odd_texts_are_the_categories_that_scikit_learn_takes_them_for(text):
    table = pd.DataFrame({"w": ["north", "s\u00fcd", "\U0001f600", None] * 30, "a": np.arange(120.0)})
    model = pipeline(table, LinearRegression(), (table["w"] == "north") * 100.0 + (table["w"] == "s\u00fcd"))
    compiled = CompiledModel(convert(model), model[0])
    texts = np.array([text, "north"], dtype=object)
    for rows in (1, 2):
        assert compare(model, compiled, {"w": texts[:rows], "a": np.array([1.0, 2.0])[:rows]}).reason is None


def test_more_rows_than_one_run_takes_are_answered_in_order(frame):
    model = pipeline(frame, RandomForestClassifier(5, random_state=0), np.where(frame["a"] > 0, 7, 3))
    rng = np.random.default_rng(2)
    many = {name: rng.normal(size=2 * MOST_ROWS + 3) for name in frame}
    answer = CompiledModel(convert(model), model[0]).answer(many)
    np.testing.assert_array_equal(model.classes_[answer.positions], model.predict(pd.DataFrame(many)))
    np.testing.assert_array_equal(answer.shares, model.predict_proba(pd.DataFrame(many)))
