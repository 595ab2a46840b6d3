"""Every estimator of the catalogue answers compiled as it does in scikit-learn, on rows that it has not seen."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from millrace.compiled.convert import convert
from millrace.compiled.form import compiled_form
from millrace.compiled.parity import compare, damaged
from millrace.compiled.session import CompiledModel
from millrace.estimators import CANDIDATES
from millrace.features.columns import columns_from_frame
from millrace.spec.models import PipelineSpec
from millrace.stages.training.assembly import recipe
from millrace.strict import by_name

BY_NAME = by_name(CANDIDATES, "estimator")
FAST: dict[str, dict[str, Any]] = {
    "random_forest": {"n_estimators": 7},
    "extra_trees": {"n_estimators": 7},
    "hist_gradient_boosting": {"max_iter": 12},
    "xgboost": {"n_estimators": 12},
    "mlp": {"hidden_layer_sizes": [8, 4], "max_iter": 300},
}
OTHERS: list[tuple[str, str, dict[str, Any]]] = [
    ("hist_gradient_boosting", "regression", {"loss": "poisson", "max_iter": 5}),
    ("k_neighbors", "regression", {"weights": "distance"}),
    ("k_neighbors", "classification", {"weights": "distance"}),
    ("logistic_regression", "classification", {"solver": "liblinear"}),
    ("mlp", "regression", {"activation": "tanh", "max_iter": 200}),
    ("mlp", "classification", {"activation": "logistic", "max_iter": 200}),
    ("mlp", "classification", {"activation": "identity", "max_iter": 200}),
    ("random_forest", "regression", {"n_estimators": 3, "max_depth": 1}),
    ("random_forest", "classification", {"n_estimators": 3, "min_samples_leaf": 500}),
    ("gaussian_process", "regression", {"kernel": "rbf"}),
    ("gaussian_process", "regression", {"kernel": "matern32"}),
    ("svr", "regression", {"kernel": "linear", "max_iter": 5000}),
    ("svr", "regression", {"kernel": "poly", "max_iter": 5000}),
    ("svr", "regression", {"kernel": "sigmoid", "max_iter": 5000}),
    ("xgboost", "regression", {"objective": "reg:tweedie", "n_estimators": 10}),
    ("xgboost", "regression", {"objective": "count:poisson", "n_estimators": 10}),
]
PAIRS = [
    (name, task, FAST.get(name, {}))
    for name, entry in BY_NAME.items()
    for task in sorted(entry.tasks)
    if not entry.is_composite
]


def table(rows: int = 500, seed: int = 0) -> pd.DataFrame:
    """Numbers with gaps, a whole number, a flag, a category with rare values, a time."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "heat": rng.normal(20, 5, rows),
            "flow": rng.lognormal(1, 1, rows),
            "count": rng.integers(0, 9, rows),
            "open": rng.random(rows) < 0.3,
            "sky": rng.choice(["clear", "cloudy", "rain", "süß"], rows, p=[0.5, 0.3, 0.15, 0.05]),
            "at": pd.date_range("2024-01-01", periods=rows, freq="7h"),
        }
    )
    frame.loc[rng.random(rows) < 0.1, "heat"] = np.nan
    frame.loc[rng.random(rows) < 0.05, "sky"] = None
    return frame


def truth(frame: pd.DataFrame, task: str, classes: int) -> Any:
    load = frame["heat"].fillna(20) * 2 + frame["count"] + 5 * (frame["sky"] == "rain") + frame["flow"] + 10
    if task == "regression":
        return load.to_numpy().clip(0.1)
    if task == "clustering":
        return None
    place = np.searchsorted(np.quantile(load, np.linspace(0, 1, classes + 1)[1:-1]), load)
    return np.array(["low", "high", "middle", "peak"], dtype=object)[place]


def fitted(name: str, task: str, params: dict[str, Any], *, classes: int = 2, impute: str = "auto") -> Any:
    document = {"estimator": name, "params": params, "impute": impute}
    if name == "voting":
        second = "ridge" if task == "regression" else "logistic_regression"
        document |= {
            "members": [{"estimator": "random_forest", "params": {"n_estimators": 5}}, second],
            "params": {"weights": [1, 3]},
        }
    spec = PipelineSpec.model_validate(
        {
            "name": "x",
            "source": {"type": "sample", "name": "air_quality"},
            "features": [
                {"step": "calendar", "column": "at", "parts": ["hour", "is_weekend"], "cyclic": True},
                {"step": "ratio", "left": "flow", "right": "count"},
                {"step": "missing_flag", "columns": ["sky"]},
            ],
            "task": task,
            "target": None if task == "clustering" else "y",
            "candidates": [document],
        }
    )
    frame = table()
    plan = recipe(spec, spec.candidates[0], frame, lambda _: None)
    return plan.fit(frame, truth(frame, task, classes), {}, lambda _: None)


def assert_equal(model: Any, *, limit: float = 1e-9) -> None:
    compiled = CompiledModel(convert(model), model[0])
    unseen = columns_from_frame(table(300, seed=1), model[0].inputs_)
    for rows in (unseen, damaged(unseen), {name: values[:1] for name, values in unseen.items()}):
        verdict = compare(model, compiled, rows)
        assert verdict.reason is None
        assert verdict.largest_difference < limit


def limit_of(name: str) -> float:
    # XGBoost itself adds in float32; kernels add great numbers of both signs.
    return 1e-5 if name in {"xgboost", "svr", "gaussian_process"} else 1e-9


@pytest.mark.parametrize(("name", "task", "params"), PAIRS)
def test_every_estimator_answers_compiled_as_it_does_itself(name: str, task: str, params: dict[str, Any]) -> None:
    assert_equal(fitted(name, task, params), limit=limit_of(name))


@pytest.mark.parametrize(("name", "task", "params"), OTHERS)
def test_parameters_that_change_the_answer_are_heeded(name: str, task: str, params: dict[str, Any]) -> None:
    assert_equal(fitted(name, task, params), limit=limit_of(name))


@pytest.mark.parametrize("name", [name for name, task, _ in PAIRS if task == "classification"])
def test_four_classes(name: str) -> None:
    assert_equal(fitted(name, "classification", FAST.get(name, {}), classes=4), limit=limit_of(name))


@pytest.mark.parametrize("impute", ["median", "iterative"])
@pytest.mark.parametrize("name", ["linear", "random_forest", "svr", "hist_gradient_boosting", "xgboost"])
def test_both_ways_of_filling_gaps(name: str, impute: str) -> None:
    """Also for those that would take gaps as they are: what a person asks for is done."""
    model = fitted(name, "regression", FAST.get(name, {}), impute=impute)
    assert not np.isnan(np.asarray(model[:-1].transform(table()), dtype=float)).any()
    assert_equal(model, limit=limit_of(name))


def test_boosted_trees_take_gaps_as_they_are_by_themselves() -> None:
    model = fitted("hist_gradient_boosting", "regression", {})
    assert np.isnan(np.asarray(model[:-1].transform(table()), dtype=float)).any()


@pytest.mark.parametrize("name", ["random_forest", "xgboost", "hist_gradient_boosting", "ridge", "k_neighbors", "mlp"])
def test_several_targets(name: str) -> None:
    frame = table()
    load = truth(frame, "regression", 2)
    targets = pd.DataFrame({"load": load, "half": np.sqrt(load)})
    spec = PipelineSpec.model_validate(
        {
            "name": "x",
            "source": {"type": "sample", "name": "air_quality"},
            "task": "regression",
            "target": ["load", "half"],
            "candidates": [{"estimator": name, "params": FAST.get(name, {})}],
        }
    )
    model = recipe(spec, spec.candidates[0], frame, lambda _: None).fit(frame, targets, {}, lambda _: None)
    assert_equal(model, limit=limit_of(name))


def test_many_categories_share_a_column_and_unknown_ones_join_them() -> None:
    rng = np.random.default_rng(5)
    frame = pd.DataFrame({"code": rng.choice([f"k{i}" for i in range(80)], 1500), "a": rng.normal(size=1500)})
    spec = PipelineSpec.model_validate(
        {
            "name": "x",
            "source": {"type": "sample", "name": "air_quality"},
            "task": "regression",
            "target": "y",
            "candidates": [{"estimator": "ridge"}],
        }
    )
    y = frame["a"] + frame["code"].str[1:].astype(float)
    model = recipe(spec, spec.candidates[0], frame, lambda _: None).fit(frame, y.to_numpy(), {}, lambda _: None)
    assert model[1].named_transformers_["categories"]._infrequent_enabled
    unseen = frame.head(100).assign(code=lambda t: t["code"].where(t.index % 3 > 0, "never seen"))
    assert compiled_form(model, unseen).report.status == "compiled"
