"""Estimators: their parameters are scikit-learn's, and each learns, answers and survives storing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from millrace.estimators import CANDIDATES
from millrace.estimators.base import Candidate
from millrace.spec.models import PipelineSpec
from millrace.stages.assembly import recipe
from millrace.stages.candidates import all_candidates
from millrace.stores.model_format import model_bytes, model_from_bytes
from millrace.strict import by_name

BY_NAME = by_name(CANDIDATES, "estimator")
FAST = {
    "random_forest": {"n_estimators": 5},
    "extra_trees": {"n_estimators": 5},
    "hist_gradient_boosting": {"max_iter": 10},
    "xgboost": {"n_estimators": 10},
    "mlp": {"hidden_layer_sizes": [8], "max_iter": 500},
}
PAIRS = [(name, task) for name, entry in BY_NAME.items() for task in sorted(entry.tasks) if not entry.is_composite]


def document(name: str, task: str) -> dict[str, Any]:
    made: dict[str, Any] = {"estimator": name, "params": FAST.get(name, {})}
    if name == "voting":
        made["members"] = ["hist_gradient_boosting", "ridge" if task == "regression" else "logistic_regression"]
    return made


def candidate(name: str, task: str) -> Candidate:
    return BY_NAME[name].model_validate(document(name, task))


def innermost(model: Any) -> Any:
    return getattr(model, "regressor", getattr(model, "classifier", model))


@pytest.mark.parametrize(("name", "task"), PAIRS)
def test_the_static_parameters_are_those_of_the_estimator(name: str, task: str) -> None:
    entry = candidate(name, task)
    model = entry.build(task, {}, 17)
    known = set(innermost(model).get_params(deep=False)) | set(model.get_params(deep=False))
    own = {parameter for parameter in entry.parameters if parameter not in known}
    # Classifiers and regressors of one family share a list, so a parameter must belong to one of them.
    for other in entry.tasks - {task}:
        other_entry = candidate(name, other)
        other_model = other_entry.build(other, {}, 17)
        own -= set(innermost(other_model).get_params(deep=False)) | set(other_model.get_params(deep=False))
    assert own == set()


@pytest.mark.parametrize(("name", "task"), PAIRS)
def test_each_estimator_learns_and_its_stored_form_answers_the_same(name: str, task: str) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=120), "b": rng.normal(size=120)})
    frame["w"] = np.where(frame["a"] > 0, "x", "y")
    frame.loc[::9, "b"] = np.nan
    target: Any = frame["a"].to_numpy() * 3
    if task == "classification":
        target = np.where(target > 0, "up", "down").astype(object)
    spec = PipelineSpec.model_validate(
        {
            "name": "x",
            "source": {"type": "sample", "name": "air_quality"},
            "task": task,
            "target": None if task == "clustering" else "y",
            "candidates": [document(name, task)],
        }
    )
    plan = recipe(spec, spec.candidates[0], frame, lambda _: None)
    model = plan.fit(frame, None if task == "clustering" else target, {}, lambda _: None)
    answers = model.predict(frame)
    assert len(answers) == 120
    if name != "dummy" and task == "regression":
        assert np.corrcoef(answers, target)[0, 1] > 0.5
    if task == "classification":
        assert set(answers) <= {"up", "down"}
        assert list(model.classes_) == ["down", "up"]
    stored = model_from_bytes(model_bytes(model), name)
    np.testing.assert_array_equal(stored.predict(frame), answers)


@pytest.mark.parametrize("labels", [[False, True], [3, 7], ["no", "yes"]])
def test_labels_keep_their_type_where_the_estimator_counts_classes(labels: list[Any]) -> None:
    from millrace.estimators.labels import EncodedLabels

    inputs = np.linspace(-1, 1, 60).reshape(-1, 1)
    target = np.array(labels)[(inputs[:, 0] > 0).astype(int)]
    model = BY_NAME["xgboost"].model_validate({"estimator": "xgboost"}).build("classification", {"n_estimators": 5}, 17)
    assert isinstance(model, EncodedLabels)
    model.fit(inputs, target)
    assert model.predict(inputs).dtype == target.dtype
    assert model.predict(inputs).tolist() == target.tolist()
    assert model.predict_proba(inputs).shape == (60, 2)


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        ({"params": {"n_estimator": 5}}, "Did you mean 'n_estimators'"),
        ({"search": {"max_depth": [9, 3]}}, "low < high"),
        ({"search": {"max_depth": {"choice": [1]}}}, "choices"),
    ],
)
def test_a_wrong_parameter_or_search_space_is_explained(bad: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        BY_NAME["random_forest"].model_validate({"estimator": "random_forest", **bad})


def test_an_unknown_member_of_an_ensemble_is_refused() -> None:
    with pytest.raises(ValidationError, match="Did you mean 'ridge'"):
        BY_NAME["voting"].model_validate({"estimator": "voting", "members": ["rigde", "linear"]})


def test_the_baseline_is_always_there_once() -> None:
    def labels(*names: str, task: str = "regression") -> list[str]:
        parts = {"task": task, "target": None if task == "clustering" else "y"}
        source = {"type": "sample", "name": "air_quality"}
        candidates = [{"estimator": name} for name in names]
        spec = PipelineSpec.model_validate({"name": "x", "source": source, "candidates": candidates, **parts})
        return list(all_candidates(spec))

    assert labels("ridge") == ["ridge", "baseline"]
    assert labels("ridge", "dummy") == ["ridge", "dummy"]
    assert labels("k_means", task="clustering") == ["k_means"]


def test_class_weights_turn_xgboost_towards_a_rare_class() -> None:
    rng = np.random.default_rng(1)
    rare = rng.random(2000) < 0.05
    inputs = (rng.normal(size=2000) + rare).reshape(-1, 1)
    entry = BY_NAME["xgboost"].model_validate({"estimator": "xgboost", "params": {"class_weight": "balanced"}})
    plain, weighed = (
        entry.build("classification", {"n_estimators": 30, "max_depth": 2, **params}, 17).fit(inputs, rare)
        for params in ({}, entry.params)
    )
    assert weighed.predict(inputs)[rare].mean() > 0.6 > 0.2 > plain.predict(inputs)[rare].mean()


@pytest.mark.parametrize("kernel", ["matern32", "matern52", "rbf"])
def test_a_gaussian_process_answers_as_scikit_learns(kernel: str) -> None:
    from sklearn.gaussian_process import GaussianProcessRegressor

    from millrace.estimators.kernels import ScaledProcess, _climb

    rng = np.random.default_rng(2)
    inputs = rng.normal(size=(80, 3))
    target = 100 + np.sin(inputs[:, 0]) + inputs[:, 1] ** 2 + rng.normal(0, 0.05, 80)
    own = ScaledProcess(kernel, random_state=0)
    theirs = GaussianProcessRegressor(
        own._kernel(3), alpha=own.alpha, normalize_y=True, optimizer=_climb, random_state=0
    ).fit(inputs, target)
    unseen = rng.normal(size=(40, 3))
    np.testing.assert_allclose(own.fit(inputs, target).predict(unseen), theirs.predict(unseen), rtol=1e-7)
    assert own.scales_[2] > 3 * own.scales_[0], "an input that does not matter gets a long scale"


def test_a_gaussian_process_refuses_what_it_cannot_do() -> None:
    from millrace.errors import TrainingError
    from millrace.estimators.kernels import MOST_ROWS, ScaledProcess

    with pytest.raises(TrainingError, match="Did you mean 'rbf'"):
        ScaledProcess("rfb").fit(np.zeros((3, 1)), np.zeros(3))
    with pytest.raises(TrainingError, match="at most 5,000 rows"):
        ScaledProcess().fit(np.zeros((MOST_ROWS + 1, 1)), np.zeros(MOST_ROWS + 1))
