"""The explainers by estimator: shap's for trees and for linear models, and what is made of others."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from millrace.compiled.names import name_of
from serving.explaining.shares import Explainer, Scale, Shares, two_dimensional
from serving.failures import NotExplainableError

if TYPE_CHECKING:
    from serving.explaining.shares import Array


def shares_of(estimator: Any, row: Array, examples: Array) -> Shares:
    """The shares of the estimator's answer. Raises NotExplainableError where no explainer fits."""
    explainer = EXPLAINERS.get(name_of(estimator))
    if explainer is None:
        raise NotExplainableError(
            f"No explainer fits the estimator {type(estimator).__name__}.",
            hint="Trees, linear models and the means of them are explained.",
        )
    return explainer(estimator, row, examples)


@lru_cache(maxsize=16)
def _tree_explainer(estimator: Any) -> Any:
    import shap

    return shap.TreeExplainer(estimator)


def _trees(estimator: Any, row: Array, scale: Scale, value: Array) -> Shares:
    explainer = _tree_explainer(estimator)
    shares = two_dimensional(explainer.shap_values(row, check_additivity=False))
    base = np.broadcast_to(np.asarray(explainer.expected_value, dtype=np.float64).ravel(), shares.shape[1:])
    return Shares(scale, base, shares, value)


def _regression_trees(estimator: Any, row: Array, _: Array) -> Shares:
    return _trees(estimator, row, "value", np.atleast_1d(estimator.predict(row)[0]))


def _forest_of_classes(estimator: Any, row: Array, _: Array) -> Shares:
    return _trees(estimator, row, "probability", estimator.predict_proba(row)[0])


def _boosted_classes(estimator: Any, row: Array, _: Array) -> Shares:
    value = np.atleast_1d(_margin(estimator, row)[0])
    return _trees(estimator, row, "log-odds" if len(value) == 1 else "score", value)


def _margin(estimator: Any, row: Array) -> Any:
    if hasattr(estimator, "decision_function"):
        return estimator.decision_function(row)
    return estimator.predict(row, output_margin=True)


def _linear(estimator: Any, row: Array, examples: Array) -> Shares:
    import shap

    is_classifier = hasattr(estimator, "decision_function")
    value = np.atleast_1d((estimator.decision_function if is_classifier else estimator.predict)(row)[0])
    explainer = shap.LinearExplainer(estimator, shap.maskers.Independent(examples, max_samples=len(examples)))
    shares = two_dimensional(explainer.shap_values(row))
    base = np.broadcast_to(np.asarray(explainer.expected_value, dtype=np.float64).ravel(), shares.shape[1:])
    scale: Scale = "value" if not is_classifier else "log-odds" if len(value) == 1 else "score"
    return Shares(scale, base, shares, value)


def _mean(estimator: Any, row: Array, examples: Array) -> Shares:
    """A mean of models: its shares are the means of theirs, where all are on a scale that can be averaged."""
    members = [shares_of(member, row, examples) for member in estimator.estimators_]
    scales = {member.scale for member in members}
    if len(scales) > 1 or not scales <= {"value", "probability"}:
        raise NotExplainableError(
            "The ensemble's members are explained on different scales, which have no mean.",
            hint="An ensemble of forests, or of regressors, can be explained.",
        )
    weights = getattr(estimator, "_weights_not_none", None) or [1.0] * len(members)
    base, shares, value = (
        np.average([getattr(member, name) for member in members], axis=0, weights=weights)
        for name in ("base", "shares", "value")
    )
    return Shares(scales.pop(), base, shares, value)


def _one_each(estimator: Any, row: Array, examples: Array) -> Shares:
    """A model for each target."""
    members = [shares_of(member, row, examples) for member in estimator.estimators_]
    base, value = (np.concatenate([getattr(m, name) for m in members]) for name in ("base", "value"))
    return Shares(members[0].scale, base, np.concatenate([m.shares for m in members], axis=1), value)


def _encoded(estimator: Any, row: Array, examples: Array) -> Shares:
    return shares_of(estimator.classifier_, row, examples)


EXPLAINERS: dict[str, Explainer] = {
    **dict.fromkeys(
        (
            "sklearn.RandomForestRegressor",
            "sklearn.ExtraTreesRegressor",
            "sklearn.HistGradientBoostingRegressor",
            "xgboost.XGBRegressor",
        ),
        _regression_trees,
    ),
    **dict.fromkeys(("sklearn.RandomForestClassifier", "sklearn.ExtraTreesClassifier"), _forest_of_classes),
    **dict.fromkeys(("sklearn.HistGradientBoostingClassifier", "xgboost.XGBClassifier"), _boosted_classes),
    **dict.fromkeys(
        ("sklearn.LinearRegression", "sklearn.Ridge", "sklearn.ElasticNet", "sklearn.LogisticRegression"), _linear
    ),
    **dict.fromkeys(("sklearn.VotingRegressor", "sklearn.VotingClassifier"), _mean),
    "sklearn.MultiOutputRegressor": _one_each,
    "millrace.EncodedLabels": _encoded,
}
"""The explainers by the estimator's library and class."""
