"""The step `feature_set`: adds the features of a named set as they were known at each row's time.

Where the set lies and who reads it is the context's affair; how rows are matched is that of `as_of`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from millrace.errors import TransformError, did_you_mean
from millrace.transforms.as_of import as_of
from millrace.transforms.base import TransformContext, TransformStep
from millrace.transforms.keys import require_same_kinds

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class FeatureTable:
    """A feature set that was read: its table, what names a row's entity and time, and how long a value counts."""

    table: pd.DataFrame
    entity: list[str]
    event_time: str
    max_age: timedelta | None
    known_after: timedelta


class FeatureSetStep(TransformStep):
    """Add features of a named set, each as it was known at the row's time."""

    repeatable: ClassVar[bool] = False

    step: Literal["feature_set"]
    name: str = Field(description="The set: a file of this name in the folder of feature sets.")
    time: str = Field(description="Column with the time at which the features must have been known.")
    columns: list[str] | None = Field(default=None, description="Features to take; default: all of the set.")
    prefix: str = Field(default="", description="Put before the features' names.")

    def is_row_wise(self) -> bool:
        """Each row is matched by itself; the set is held in memory."""
        return True

    def apply(self, table: pd.DataFrame, context: TransformContext) -> pd.DataFrame:
        """The table with the features, in its own order."""
        import pandas as pd

        if context.load_features is None:
            raise TransformError("Transform step 'feature_set' cannot read a set here.", hint="Run the pipeline.")
        load = context.load_features
        found = context.once(self, lambda: load(self.name))
        self.require_times(table, self.time)
        self.require(table, *found.entity)
        features = self._chosen(found)
        require_same_kinds(self.step, table, features, found.entity, f"the set '{self.name}'")
        added = as_of(
            table, features, entity=found.entity, time=self.time, event_time=found.event_time,
            max_age=found.max_age, known_after=found.known_after,
        ).add_prefix(self.prefix)  # fmt: skip
        self.require_new(table, *map(str, added.columns))
        self._note_unmatched(added, context)
        return pd.concat([table, added], axis="columns")

    def _chosen(self, found: FeatureTable) -> pd.DataFrame:
        missing = [name for name in self.columns or [] if name not in found.table.columns]
        if missing:
            raise TransformError(
                f"The feature set '{self.name}' has no feature '{missing[0]}'.",
                hint=did_you_mean(missing[0], map(str, found.table.columns)),
            )
        keys = [*found.entity, found.event_time]
        if self.columns is None:
            return found.table
        return found.table[list(dict.fromkeys([*keys, *self.columns]))]

    def _note_unmatched(self, added: pd.DataFrame, context: TransformContext) -> None:
        context.count(
            self, "match", int(added.isna().all(axis="columns").sum()), len(added),
            lambda n, of: f"The feature set '{self.name}' knew nothing of {n:,} of {of:,} rows at their time.",
        )  # fmt: skip
