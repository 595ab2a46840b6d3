"""Explanations: they add up to the model's own answer, and speak of the row's fields."""

from __future__ import annotations

import asyncio
import math

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.ensemble import (
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.linear_model import ElasticNet, LinearRegression, LogisticRegression, Ridge
from sklearn.multioutput import MultiOutputRegressor
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer
from xgboost import XGBClassifier, XGBRegressor

from millrace.estimators.labels import EncodedLabels
from serving.explaining import process
from serving.explaining.explanation import explained
from serving.explaining.job import Job
from serving.explaining.process import Explaining
from serving.explaining.shares import Shares
from serving.failures import NotExplainableError, OverloadedError

FOREST = RandomForestRegressor(10, random_state=0)
REGRESSORS = [
    FOREST,
    ExtraTreesRegressor(10, random_state=0),
    HistGradientBoostingRegressor(max_iter=4),
    XGBRegressor(n_estimators=4),
    LinearRegression(),
    Ridge(),
    ElasticNet(alpha=0.01),
    VotingRegressor([("forest", FOREST), ("ridge", Ridge())], weights=[1, 3]),
]
CLASSIFIERS = [
    RandomForestClassifier(10, random_state=0),
    HistGradientBoostingClassifier(max_iter=4),
    LogisticRegression(max_iter=500),
    EncodedLabels(XGBClassifier(n_estimators=4)),
    VotingClassifier([("a", RandomForestClassifier(5)), ("b", RandomForestClassifier(6))], voting="soft"),
]


def total(explanation):
    return explanation["base_value"] + sum(one["contribution"] for one in explanation["contributions"])


def answers(pipeline, table, rows=5, targets=("flow",)):
    examples = table.head(10)
    return [explained(pipeline, table.iloc[[row]], examples, targets) for row in range(rows)]


@pytest.mark.parametrize("estimator", REGRESSORS, ids=lambda e: type(e).__name__)
def test_the_shares_of_a_regression_add_up_to_the_prediction(mixed, mixed_table, estimator):
    pipeline = mixed(estimator)
    expected = pipeline.predict(mixed_table.head(5))
    for (explanation,), prediction in zip(answers(pipeline, mixed_table), expected, strict=True):
        assert (explanation["target"], explanation["scale"]) == ("flow", "value")
        assert explanation["value"] == pytest.approx(float(prediction), rel=1e-6)
        assert total(explanation) == pytest.approx(float(prediction), rel=1e-4)
        assert {tuple(one["fields"]) for one in explanation["contributions"]} == {
            ("T",), ("RH",), ("wheels",), ("open",), ("observed_at",), ("T", "RH"), ("district",),
        }  # fmt: skip
        weights = [abs(one["contribution"]) for one in explanation["contributions"]]
        assert weights == sorted(weights, reverse=True)


def test_the_field_that_decides_has_the_greatest_share(mixed, mixed_table):
    pipeline = mixed(Ridge(), 100 * mixed_table["wheels"])
    (explanation,) = answers(pipeline, mixed_table, rows=1)[0]
    first = explanation["contributions"][0]
    assert (first["fields"], first["features"]) == (["wheels"], ["wheels"])
    hours = next(one for one in explanation["contributions"] if one["fields"] == ["observed_at"])
    assert hours["features"] == ["observed_at_hour_sin", "observed_at_hour_cos"]
    districts = next(one for one in explanation["contributions"] if one["fields"] == ["district"])
    assert districts["features"] == ["district=", "district=north", "district=south"]


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("estimator", CLASSIFIERS, ids=lambda e: type(e).__name__)
def test_the_shares_of_a_class_add_up_on_their_scale(mixed, mixed_table, estimator, classes):
    bounds = {2: [15], 3: [12, 18]}[classes]
    truth = np.array(["cold", "mild", "warm"])[np.digitize(mixed_table["T"], bounds)]
    pipeline = mixed(clone(estimator), truth)
    for row, (explanation,) in enumerate(answers(pipeline, mixed_table)):
        table = mixed_table.iloc[[row]]
        answer = pipeline.predict(table)[0]
        confidence = float(pipeline.predict_proba(table)[0].max())
        assert explanation["class"] == answer
        assert total(explanation) == pytest.approx(explanation["value"], rel=1e-4, abs=1e-5)
        if explanation["scale"] == "probability":
            assert explanation["value"] == pytest.approx(confidence)
        elif classes == 2:
            assert explanation["scale"] == "log-odds"
            assert 1 / (1 + math.exp(-explanation["value"])) == pytest.approx(confidence, rel=1e-4)
        else:
            assert explanation["scale"] == "score"


@pytest.mark.parametrize("estimator", [RandomForestRegressor(5), MultiOutputRegressor(XGBRegressor(n_estimators=3))])
def test_several_targets_have_an_explanation_each(mixed, mixed_table, estimator):
    truth = pd.DataFrame({"Y1": mixed_table["T"], "Y2": -3 * mixed_table["wheels"]})
    pipeline = mixed(estimator, truth)
    found = answers(pipeline, mixed_table, rows=1, targets=("Y1", "Y2"))[0]
    assert [explanation["target"] for explanation in found] == ["Y1", "Y2"]
    expected = pipeline.predict(mixed_table.head(1))[0]
    assert [total(explanation) for explanation in found] == pytest.approx(expected.tolist(), rel=1e-4)


def test_a_pipeline_of_other_parts_is_explained_by_its_features(table):
    odd = make_pipeline(KBinsDiscretizer(4, encode="onehot-dense"), Ridge()).fit(table, table["a"])
    (explanation,) = explained(odd, table.head(1), table.head(5), ["y"])
    assert {tuple(one["fields"]) for one in explanation["contributions"]} == {()}
    assert [one["features"] for one in explanation["contributions"]]
    assert total(explanation) == pytest.approx(explanation["value"])


@pytest.mark.parametrize(
    ("estimator", "words"),
    [
        (KNeighborsRegressor(), "No explainer fits the estimator KNeighborsRegressor"),
        (VotingRegressor([("a", Ridge()), ("b", KNeighborsRegressor())]), "KNeighborsRegressor"),
    ],
)
def test_what_cannot_be_explained_says_why(mixed, mixed_table, estimator, words):
    with pytest.raises(NotExplainableError, match=words):
        answers(mixed(estimator), mixed_table, rows=1)


def test_members_on_different_scales_and_models_that_are_no_pipeline(mixed, mixed_table, table):
    voting = VotingClassifier([("a", RandomForestClassifier(3)), ("b", LogisticRegression())], voting="soft")
    with pytest.raises(NotExplainableError, match="different scales"):
        answers(mixed(voting, np.where(mixed_table["T"] > 15, "warm", "cold")), mixed_table, rows=1)
    with pytest.raises(NotExplainableError, match="no Pipeline"):
        explained(Ridge().fit(table, table["a"]), table.head(1), table, ["y"])


def test_shares_that_do_not_add_up_are_not_shown():
    wrong = Shares("value", np.array([1.0]), np.array([[2.0]]), np.array([4.0]))
    with pytest.raises(NotExplainableError, match=r"add up to \[3.0\], but the model says \[4.0\]"):
        wrong.check()


def test_few_may_wait(monkeypatch):
    monkeypatch.setattr(process, "MOST_WAITING", 0)
    with pytest.raises(OverloadedError, match="explanations wait already"):
        asyncio.run(Explaining(1.0).explain(Job(b"", "", None, ()), {}))
