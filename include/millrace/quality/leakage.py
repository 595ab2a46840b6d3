"""Warns when the target is almost given away: one column, a shallow tree or a plain sum explains it perfectly.

Such a model looks excellent and is worth nothing, because what explains the target is seldom known beforehand. The
limits come from real tables, good and leaking; see docs/quality.md. It warns; it never refuses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

SAMPLE_ROWS = 5_000
LEAST_ROWS = 50
DEPTH = 6
FOLDS = 5
LEADING = 10
SEED = 17
CLASSIFICATION_LIMIT = 0.99
"""Share of the way from the majority's accuracy to a perfect one."""
REGRESSION_LIMIT = 0.998
"""R2 of one column or a tree; a good physical model reaches .9966 with a tree."""
SUM_LIMIT = 0.9999
"""R2 of a linear model: the target is a sum of other columns."""


def find_leaks(table: pd.DataFrame, target: str, task: str, ignore: tuple[str, ...] = ()) -> list[str]:
    """One sentence when the columns other than `ignore` explain `target` almost perfectly; else nothing."""
    known = table.loc[_usable(table[target], task)]
    sample = known.sample(min(SAMPLE_ROWS, len(known)), random_state=SEED) if len(known) else known
    inputs = _encoded(sample.drop(columns=[target, *(name for name in ignore if name in sample.columns)]))
    if len(sample) < LEAST_ROWS or not inputs.shape[1] or sample[target].nunique() < 2:
        return []
    scorer = _Scorer(sample[target], task)
    sentence = _one_column(inputs, scorer, target) or _several_columns(inputs, scorer, target)
    return [sentence] if sentence else []


def _usable(target: pd.Series, task: str) -> pd.Series:
    """The rows whose target is known and, for numbers, finite; none where it is no number: training says so."""
    import numpy as np

    if task == "classification":
        return target.notna()
    if target.dtype.kind not in "iufb":
        return target.isna() & False
    return target.notna() & np.isfinite(target.astype("float64"))


def _one_column(inputs: pd.DataFrame, scorer: _Scorer, target: str) -> str | None:
    # A column that gives the target away is among those that a tree over all of them splits on.
    scores = {name: scorer.tree(inputs[[name]]) for name in scorer.leading(inputs)}
    if not scores:
        return None
    best = max(scores, key=lambda name: scores[name])
    if scores[best] < scorer.limit:
        return None
    return (
        f"Leakage? The column '{best}' alone explains the target '{target}' almost perfectly "
        f"({scorer.measure} {scores[best]:.4f}). Drop it unless it is known before the target is."
    )


def _several_columns(inputs: pd.DataFrame, scorer: _Scorer, target: str) -> str | None:
    score = scorer.tree(inputs)
    if score >= scorer.limit:
        return (
            f"Leakage? A tree of depth {DEPTH} explains the target '{target}' almost perfectly from "
            f"{_quoted(scorer.leading(inputs))} ({scorer.measure} {score:.4f}): it looks like a rule on them."
        )
    score = scorer.linear(inputs)
    if score >= SUM_LIMIT:
        return (
            f"Leakage? The target '{target}' is almost exactly a sum of other columns "
            f"({scorer.measure} {score:.4f} by a linear model), e.g. {_quoted(scorer.leading(inputs))}."
        )
    return None


def _quoted(names: list[str]) -> str:
    return ", ".join(f"'{name}'" for name in names[:5])


class _Scorer:
    """Cross-validated scores of simple models for one target."""

    def __init__(self, target: pd.Series, task: str) -> None:
        import pandas as pd

        self._classes = task == "classification"
        self._target: Any = pd.factorize(target)[0] if self._classes else target.to_numpy(dtype=float)
        self.limit = CLASSIFICATION_LIMIT if self._classes else REGRESSION_LIMIT
        self.measure = "accuracy beyond the majority" if self._classes else "R2"

    def tree(self, inputs: pd.DataFrame) -> float:
        """The score of a depth-limited tree."""
        return self._score(self._new_tree(), inputs)

    def linear(self, inputs: pd.DataFrame) -> float:
        """The score of a linear model; 0 for classes."""
        from sklearn.linear_model import LinearRegression

        return 0.0 if self._classes else self._score(LinearRegression(), inputs)

    def leading(self, inputs: pd.DataFrame) -> list[str]:
        """The columns that matter most to a tree, the first one most."""
        importances = self._new_tree().fit(inputs, self._target).feature_importances_
        order = sorted(zip(importances, inputs.columns, strict=True), key=lambda pair: -pair[0])
        return [str(name) for weight, name in order[:LEADING] if weight > 0.001]

    def _new_tree(self) -> Any:
        from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

        kind = DecisionTreeClassifier if self._classes else DecisionTreeRegressor
        return kind(max_depth=DEPTH, random_state=SEED)

    def _score(self, model: Any, inputs: pd.DataFrame) -> float:
        from sklearn.metrics import accuracy_score, r2_score
        from sklearn.model_selection import KFold, cross_val_predict

        folds = KFold(FOLDS, shuffle=True, random_state=SEED)
        predicted = cross_val_predict(model, inputs, self._target, cv=folds)
        if not self._classes:
            return float(r2_score(self._target, predicted))
        majority = max((self._target == value).mean() for value in set(self._target))
        return float((accuracy_score(self._target, predicted) - majority) / (1 - majority))


def _encoded(inputs: pd.DataFrame) -> pd.DataFrame:
    """Numbers for a tree: text by its order, missing values below all others; times and ids are left out."""
    import numpy as np
    import pandas as pd

    columns: dict[str, Any] = {}
    for name in inputs.columns:
        values = inputs[name]
        if values.dtype.kind in "mM":
            continue
        if values.dtype.kind not in "iufb":
            text = values.map(str, na_action="ignore")
            if text.nunique() > len(values) / 2:
                continue
            codes = pd.factorize(text, sort=True)[0]
            values = pd.Series(codes, index=values.index)
        numbers = values.astype("float64").replace([np.inf, -np.inf], np.nan).clip(-1e30, 1e30)
        columns[str(name)] = numbers.fillna(numbers.min() - 1 if numbers.notna().any() else 0.0).astype("float32")
    return pd.DataFrame(columns, index=inputs.index)
