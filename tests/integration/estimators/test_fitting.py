"""Every estimator learns, answers, and survives storing; our own answer as scikit-learn's do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from millrace.estimators import CANDIDATES
from millrace.spec.models import PipelineSpec
from millrace.stages.training.assembly import recipe
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
