"""A version with a compiled form is served by it; whatever is wrong with the form, scikit-learn serves."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import Pipeline

from millrace.compiled.form import CompiledReport, compiled_form
from millrace.features.encoding import encoder
from millrace.features.row_features import RowFeatures
from serving.failures import ModelFailedError
from serving.runtime.model_files import open_model


def pipeline(table, estimator, truth, steps=()):
    features = RowFeatures(list(steps)).fit(table)
    encode = encoder(features.transform(table), scaled=True, takes_missing=False, impute="median", warn=print)
    return Pipeline([("features", features), ("encode", encode), ("model", estimator)]).fit(table, truth)


@pytest.fixture
def write(tmp_path, writer, card):
    """Writes a version's folder with its compiled form, and opens it."""

    def make(model, table, metadata, **files):
        folder = writer(tmp_path / "1", model, metadata)
        for name, content in {**compiled_form(model, table).files(), **files}.items():
            if content is not None:
                (folder / name).write_bytes(content)
        return open_model(card("m", "1"), folder)

    return make


def test_a_compiled_regression_answers_what_scikit_learn_answers_without_pandas(write, table, monkeypatch):
    steps = [{"step": "interaction", "left": "a", "right": "b"}]
    fitted = pipeline(table, LinearRegression(), table["a"] * table["b"] + 3, steps)
    expected = fitted.predict(table)
    model = write(fitted, table, {"task": "regression", "targets": ["y"]})
    assert model.is_compiled
    rows = table.to_dict("records")

    def refuse(*_, **__):
        raise AssertionError("pandas was used")

    monkeypatch.setattr(pd, "DataFrame", refuse)
    assert model.predict(rows).values == pytest.approx(expected.tolist(), rel=1e-12)
    assert model.predict(rows[:1]).values == pytest.approx([expected[0]], rel=1e-12)


def test_several_targets_are_named(write, table):
    fitted = pipeline(table, LinearRegression(), pd.DataFrame({"Y1": table["a"], "Y2": table["b"]}))
    model = write(fitted, table, {"task": "regression", "targets": ["Y1", "Y2"]})
    assert model.is_compiled
    assert model.predict([{"a": 1.0, "b": 2.0}]).values == [pytest.approx({"Y1": 1.0, "Y2": 2.0})]


@pytest.mark.parametrize("labels", [[0, 1, 5], ["low", "middle", "high"], [1.0, 2.0, 3.0], [False, True]])
def test_a_compiled_classification_keeps_labels_and_probabilities(write, table, labels):
    place = np.digitize(table["a"], [-0.4, 0.4]) if len(labels) == 3 else (table["a"] > 0).astype(int)
    fitted = pipeline(table, RandomForestClassifier(9, random_state=0), np.array(labels)[place])
    model = write(fitted, table, {"task": "classification"})
    assert model.is_compiled
    rows = table.to_dict("records")
    found = model.predict(rows, probabilities=True)
    shares = fitted.predict_proba(table)
    assert found.values == fitted.predict(table).tolist()
    assert type(found.values[0]) is type(labels[0])
    assert found.confidences == shares.max(axis=1).tolist()
    assert [list(row.values()) for row in found.probabilities] == shares.tolist()
    one = model.predict(rows[:1], probabilities=True)
    assert (one.values, one.confidences, one.probabilities) == (
        found.values[:1],
        found.confidences[:1],
        found.probabilities[:1],
    )
    json.dumps(found.probabilities[0])


def test_a_version_without_a_compiled_form_is_served_by_scikit_learn(write, table, tmp_path, writer, card):
    fitted = pipeline(table, LinearRegression(), table["a"])
    model = open_model(card("m", "1"), writer(tmp_path / "2", fitted, {"task": "regression"}))
    assert not model.is_compiled
    assert model.predict([{"a": 2.0, "b": 0.0}]).values == pytest.approx([2.0])


def test_a_refused_form_is_served_by_scikit_learn(write, table, caplog):
    caplog.set_level("INFO")
    refused = CompiledReport(status="refused", reason="It differs.").model_dump_json().encode()
    fitted = pipeline(table, LinearRegression(), table["a"])
    model = write(fitted, table, {"task": "regression"}, **{"compiled.json": refused})
    assert not model.is_compiled
    assert "m 1 has no compiled form and is served by scikit-learn: It differs." in caplog.text
    assert model.predict([{"a": 2.0, "b": 0.0}]).values == pytest.approx([2.0])


@pytest.mark.parametrize("damage", [b"", b"\x00 no ONNX", None])
def test_a_damaged_form_is_not_used(write, table, damage, caplog):
    fitted = pipeline(table, LinearRegression(), table["a"])
    files = {"model.onnx": damage} if damage is not None else {"compiled.json": b"[1"}
    model = write(fitted, table, {"task": "regression"}, **files)
    assert not model.is_compiled
    assert "the compiled form of m 1 is not used; scikit-learn serves" in caplog.text
    assert model.predict([{"a": 2.0, "b": 0.0}]).values == pytest.approx([2.0])


def test_a_form_that_answers_the_example_otherwise_is_not_used(write, table, caplog):
    fitted, other = (pipeline(table, LinearRegression(), factor * table["a"] + 1) for factor in (1, 2))
    wrong = compiled_form(other, table)
    assert wrong.report.sha256 == hashlib.sha256(wrong.content).hexdigest()
    model = write(fitted, table, {"task": "regression"}, **wrong.files())
    assert not model.is_compiled
    assert "differs from scikit-learn" in caplog.text
    assert model.predict([{"a": 2.0, "b": 0.0}]).values == pytest.approx([3.0])


def test_an_answer_that_is_no_number_is_an_error(write, table):
    fitted = pipeline(table, LinearRegression(), table["a"] * 1e300)
    model = write(fitted, table, {"task": "regression"})
    assert model.is_compiled
    with pytest.raises(ModelFailedError, match="no finite number"):
        model.predict([{"a": 1e300, "b": 0.0}])


def test_threads_that_ask_together_get_their_own_answers(write, table):
    fitted = pipeline(table, LogisticRegression(), np.where(table["a"] > 0, "high", "low"))
    model = write(fitted, table, {"task": "classification"})
    rows = table.to_dict("records")
    alone = [model.predict([row]) for row in rows]
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(lambda row: model.predict([row]), rows * 20))
    assert together == alone * 20


def test_a_pipeline_stays_in_memory_only_where_it_answers_itself(write, table):
    fitted = pipeline(table, LogisticRegression(), np.where(table["a"] > 0, "high", "low"))
    compiled = write(fitted, table, {})
    assert (compiled.is_compiled, compiled.estimator, compiled.task) == (True, None, "classification")
    plain = write(fitted, table, {}, **{"model.onnx": b"not the one that passed"})
    assert (plain.is_compiled, plain.estimator is not None, plain.task) == (False, True, "classification")
    row = [{"a": 1.0, "b": 2.0}]
    assert compiled.predict(row).values == plain.predict(row).values
