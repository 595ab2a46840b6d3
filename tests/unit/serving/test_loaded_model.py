"""A model's files become a model in memory that answers in plain JSON values."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import LinearRegression

from millrace.errors import MillraceError, RequestError, StorageError
from millrace.inputs.signature import InputField, Signature
from serving.failures import ModelFailedError
from serving.runtime.codec import Codec
from serving.runtime.loaded_model import LoadedModel
from serving.runtime.model_files import open_model

ROWS = [{"a": 1.0, "b": 2.0}, {"a": -0.5, "b": 0.25}]


def opened(folder, card, writer, estimator, metadata, **options):
    return open_model(card("m", "1"), writer(folder, estimator, metadata, **options))


def test_a_regression_answers_what_scikit_learn_answers(tmp_path, card, writer, regression, table):
    model = opened(tmp_path, card, writer, regression, {"task": "regression", "targets": ["y"]})
    rows = table.to_dict("records")
    assert model.predict(rows).values == regression.predict(table).tolist()
    assert model.predict(rows[:1]).values == pytest.approx([2 * rows[0]["a"] - rows[0]["b"]])
    assert model.predict(ROWS).confidences is None


def test_several_targets_are_an_object_by_name(tmp_path, card, writer, two_targets):
    model = opened(tmp_path, card, writer, two_targets, {"task": "regression", "targets": ["Y1", "Y2"]})
    first, second = model.predict(ROWS).values
    assert first == pytest.approx({"Y1": 0.0, "Y2": 3.0})
    assert second == pytest.approx({"Y1": -1.25, "Y2": -0.25})


def test_a_classification_answers_labels_with_their_probability(tmp_path, card, writer, classifier, table):
    model = opened(tmp_path, card, writer, classifier, {"task": "classification"})
    rows = table.to_dict("records")
    found = model.predict(rows, probabilities=True)
    shares = classifier.predict_proba(table)
    assert found.values == classifier.predict(table).tolist()
    assert found.confidences == shares.max(axis=1).tolist()
    assert found.probabilities[0] == dict(zip(["high", "low"], shares[0].tolist(), strict=True))
    assert model.predict(rows).probabilities is None


@pytest.mark.parametrize("labels", [[0, 1], [3, 7], [False, True], ["no", "yes"]])
def test_a_label_keeps_its_type(tmp_path, card, writer, table, labels):
    from sklearn.tree import DecisionTreeClassifier

    truth = np.array(labels)[(table["a"] > 0).astype(int)]
    model = opened(
        tmp_path, card, writer, DecisionTreeClassifier(max_depth=1).fit(table, truth), {"task": "classification"}
    )
    answer = json.loads(json.dumps(model.predict([{"a": 9.0, "b": 0.0}]).values[0]))
    assert answer == labels[1]
    assert type(answer) is type(labels[1])


def test_the_example_is_the_most_complete_row(tmp_path, card, writer, regression):
    model = opened(tmp_path, card, writer, regression, {}, example=[[None, 2.0], [5.0, 6.0]])
    assert model.signature.example == {"a": 5.0, "b": 6.0}


def test_an_example_that_does_not_fit_gives_way_to_one_that_does(tmp_path, card, writer, regression):
    model = opened(tmp_path, card, writer, regression, {}, example=[["high", None]])
    assert model.signature.example == {"a": 1.0, "b": 1.0}


def test_a_model_without_named_inputs_is_refused(tmp_path, card, writer, regression):
    with pytest.raises(StorageError, match="name no input columns"):
        opened(tmp_path, card, writer, regression, {}, signature=False)


class Uncalled(RegressorMixin, BaseEstimator):
    """A type that nobody trusts."""

    def fit(self, table, truth):
        return self

    def predict(self, table):
        raise AssertionError("it was called")


def test_a_file_with_an_untrusted_type_is_not_loaded(tmp_path, card, writer):
    with pytest.raises(StorageError, match="cannot be loaded"):
        opened(tmp_path, card, writer, Uncalled(), {})


@pytest.mark.parametrize("damage", ["model.skops", "MLmodel", "input_example.json"])
def test_damaged_files_are_an_error_that_names_the_version(tmp_path, card, writer, regression, damage):
    writer(tmp_path, regression, {})
    (tmp_path / damage).write_bytes(b"\x00 not what it was")
    with pytest.raises(MillraceError, match=r"[Vv]ersion|models:/m/1"):
        open_model(card("m", "1"), tmp_path)


def in_memory(estimator, card, kind="double"):
    signature = Signature((InputField("a", kind, True),), {"a": 1.0})
    return LoadedModel(card("m", "1"), estimator, signature, Codec(signature), {"task": "regression"})


def test_an_answer_that_is_no_number_is_an_error_and_no_json(card):
    import pandas as pd

    huge = LinearRegression().fit(pd.DataFrame({"a": [0.0, 1.0]}), [0.0, 1e300])
    with pytest.raises(ModelFailedError, match="no finite number"):
        in_memory(huge, card).predict([{"a": 1e300}])


def test_a_fault_of_the_model_is_told_without_its_insides(card):
    with pytest.raises(ModelFailedError, match="failed on these rows: AssertionError") as caught:
        in_memory(Uncalled(), card).predict([{"a": 1.0}])
    assert "it was called" not in str(caught.value)


def test_a_row_that_does_not_fit_never_reaches_the_model(card):
    with pytest.raises(RequestError, match="'a'"):
        in_memory(Uncalled(), card).predict([{"a": "x"}])
