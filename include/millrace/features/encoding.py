"""The second part of every model: fills, scales and encodes the features into one matrix of numbers.

All that is learnt from data about columns is learnt here, by stock scikit-learn parts, so that the fitted Pipeline
can be compiled. Which column is treated how is decided once, on the training rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from millrace.errors import TrainingError

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.compose import ColumnTransformer

MAX_CATEGORIES = 50
"""Categories of one column that get a column of their own; the rarer ones share one."""

MAX_SHARE_OF_DISTINCT = 0.5
"""A text column with more distinct values than this share of the rows is a name or a remark, not a category."""


def encoder(
    features: pd.DataFrame, *, scaled: bool, takes_missing: bool, impute: str, warn: Callable[[str], None]
) -> ColumnTransformer:
    """An unfitted encoder for these features; columns that no model can use are left out, with a warning.

    Raises TrainingError when nothing is left.
    """
    from sklearn.compose import ColumnTransformer

    numbers, categories = _usable_columns(features, warn)
    if not numbers and not categories:
        raise TrainingError(
            "No column is left to learn from: all are empty, times, or texts without repetition.",
            hint="Add columns to the source, or feature steps such as 'calendar' or 'text_length'.",
        )
    parts: list[tuple[str, Any, list[str]]] = []
    if numbers:
        parts.append(("numbers", _number_encoder(scaled=scaled, takes_missing=takes_missing, impute=impute), numbers))
    if categories:
        parts.append(("categories", _category_encoder(features[categories]), categories))
    return ColumnTransformer(parts, remainder="drop", sparse_threshold=0.0, verbose_feature_names_out=False)


def _usable_columns(features: pd.DataFrame, warn: Callable[[str], None]) -> tuple[list[str], list[str]]:
    numbers: list[str] = []
    categories: list[str] = []
    for name in features.columns:
        column = features[name]
        if column.dtype.kind == "f":
            if column.notna().any():
                numbers.append(name)
            else:
                warn(f"The column '{name}' is empty in all training rows and is left out.")
        elif column.dtype == object:
            problem = _text_problem(column)
            if problem is None:
                categories.append(name)
            else:
                warn(f"The text column '{name}' {problem} and is left out.")
    return numbers, categories


def _text_problem(column: pd.Series[Any]) -> str | None:
    texts = column[column != ""]
    distinct = texts.nunique()
    if distinct == 0:
        return "is empty in all training rows"
    if distinct > MAX_CATEGORIES and distinct > MAX_SHARE_OF_DISTINCT * len(texts):
        return f"has {distinct} different values in {len(texts)} rows"
    return None


def _number_encoder(*, scaled: bool, takes_missing: bool, impute: str) -> Any:
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if takes_missing:
        return "passthrough"
    if impute == "iterative":
        return make_pipeline(StandardScaler(), _iterative_imputer())
    filled = SimpleImputer(strategy="median", keep_empty_features=True)
    return make_pipeline(filled, StandardScaler()) if scaled else filled


def _iterative_imputer() -> Any:
    from sklearn.experimental import enable_iterative_imputer  # noqa: F401 - the import is the switch
    from sklearn.impute import IterativeImputer

    return IterativeImputer(max_iter=10, tol=1e-2, random_state=0, keep_empty_features=True)


def _category_encoder(categories: pd.DataFrame) -> Any:
    from sklearn.preprocessing import OneHotEncoder

    many = bool((categories.nunique() > MAX_CATEGORIES).any())
    return OneHotEncoder(
        handle_unknown="infrequent_if_exist" if many else "ignore",
        max_categories=MAX_CATEGORIES if many else None,
        sparse_output=False,
    )
