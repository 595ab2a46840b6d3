"""The first part of every model: brings the inputs to their kinds and applies the feature steps.

It learns only which inputs there are and of what kind. The same code runs on a table (training) and on arrays of
columns (serving), so that both see the same features.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import TypeAdapter
from sklearn.base import BaseEstimator, TransformerMixin

from millrace.errors import TransformError, did_you_mean
from millrace.features import STEPS
from millrace.features.base import FeatureStep
from millrace.features.columns import Array, Kind, columns_from_frame, kind_of
from millrace.strict import union_of

if TYPE_CHECKING:
    import pandas as pd


@lru_cache(maxsize=1)
def _adapter() -> TypeAdapter[list[FeatureStep]]:
    return TypeAdapter(list[union_of(STEPS, "step")])  # type: ignore[misc, arg-type]


class RowFeatures(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Feature steps as a scikit-learn transformer. `steps` are step documents as they stand in a spec.

    Learnt: `inputs_` (input column to kind) and `outputs_` (feature names, in order).
    """

    def __init__(self, steps: list[dict[str, Any]] | None = None) -> None:
        self.steps = steps

    def fit(self, table: pd.DataFrame, y: Any = None) -> RowFeatures:
        """Learn the inputs and their kinds; checks that every step finds its columns."""
        self.inputs_: dict[str, Kind] = {str(name): kind_of(table[name]) for name in table.columns}
        names = dict.fromkeys(self.inputs_)
        dropped: set[str] = set()
        for step in self._entries():
            for column in step.inputs:
                if column not in names:
                    raise TransformError(
                        f"Feature step '{step.step}' names the column '{column}', which the table does not have.",
                        hint=did_you_mean(column, names),
                    )
            names.update(dict.fromkeys(step.outputs))
            dropped.update(step.drops)
        self.outputs_ = [name for name in names if name not in dropped]
        return self

    def transform(self, table: pd.DataFrame) -> pd.DataFrame:
        """The features of a table, as a table of float64, datetime64 and text columns."""
        import pandas as pd

        return pd.DataFrame(self._features(columns_from_frame(table, self.inputs_)), index=table.index, copy=False)

    def transform_typed(self, columns: Mapping[str, Array]) -> dict[str, Array]:
        """The features of columns that are of their kinds already; the way of serving, without pandas."""
        return self._features({name: columns[name] for name in self.inputs_})

    @property
    def entries(self) -> list[FeatureStep]:
        """The feature steps, in order."""
        return self._entries()

    def get_feature_names_out(self, input_features: Any = None) -> Array:
        """The names of the features, in order."""
        return np.array(self.outputs_, dtype=object)

    def _features(self, columns: dict[str, Array]) -> dict[str, Array]:
        for step in self._entries():
            columns.update(step.apply(columns))
        return {name: _closed(columns[name]) for name in self.outputs_}

    def _entries(self) -> list[FeatureStep]:
        entries: list[FeatureStep] | None = self.__dict__.get("_parsed")
        if entries is None:
            entries = _adapter().validate_python(self.steps or [])
            self._parsed = entries
        return entries

    def __getstate__(self) -> dict[str, Any]:
        # Parsed steps are no part of what is stored: a model file holds plain documents only.
        state: dict[str, Any] = super().__getstate__()
        return {key: value for key, value in state.items() if key != "_parsed"}


def _closed(values: Array) -> Array:
    """A missing text is the empty text from here on: encoders, and compiled models, know no None."""
    if values.dtype != object:
        return values
    out = np.empty(len(values), dtype=object)
    out[:] = ["" if value is None else value for value in values]
    return out
