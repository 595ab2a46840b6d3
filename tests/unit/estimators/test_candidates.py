"""Estimators: their parameters are scikit-learn's, and what is written wrongly is explained."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from millrace.estimators import CANDIDATES
from millrace.estimators.base import Candidate
from millrace.spec.models import PipelineSpec
from millrace.stages.training.candidates import all_candidates
from millrace.strict import by_name

BY_NAME = by_name(CANDIDATES, "estimator")
PAIRS = [(name, task) for name, entry in BY_NAME.items() for task in sorted(entry.tasks) if not entry.is_composite]


def candidate(name: str, task: str) -> Candidate:
    second = "ridge" if task == "regression" else "logistic_regression"
    members = {"members": ["hist_gradient_boosting", second]} if name == "voting" else {}
    return BY_NAME[name].model_validate({"estimator": name, **members})


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


def test_boosting_without_a_tree_is_refused() -> None:
    from millrace.errors import TrainingError
    from millrace.estimators.trees import XGBoost

    with pytest.raises(TrainingError, match="n_estimators of 'xgboost' is -3"):
        XGBoost(estimator="xgboost").build("regression", {"n_estimators": -3}, 0)


def test_a_gaussian_process_refuses_what_it_cannot_do() -> None:
    from millrace.errors import TrainingError
    from millrace.estimators.kernels import MOST_ROWS, ScaledProcess

    with pytest.raises(TrainingError, match="Did you mean 'rbf'"):
        ScaledProcess("rfb").fit(np.zeros((3, 1)), np.zeros(3))
    with pytest.raises(TrainingError, match="at most 5,000 rows"):
        ScaledProcess().fit(np.zeros((MOST_ROWS + 1, 1)), np.zeros(MOST_ROWS + 1))
