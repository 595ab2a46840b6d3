"""The steps `aggregate` and `resample`: fewer rows, one for each group or each span of time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from millrace.errors import TransformError
from millrace.strict import StrictModel
from millrace.transforms.base import TransformContext, TransformStep
from millrace.transforms.spans import Span

if TYPE_CHECKING:
    import pandas as pd

Function = Literal["mean", "median", "sum", "min", "max", "std", "count", "nunique", "first", "last"]
_LARGEST = 9.2e18
"""A little below 2^63, since what it is compared with is rounded."""
_NUMERIC = {"mean", "median", "sum", "std"}


def _compute(values: Any, function: str) -> Any:
    """A column of a grouping, reduced."""
    return _sum(values) if function == "sum" else getattr(values, function)()


def _sum(values: Any) -> Any:
    """The sum of nothing but nulls is null: a gap is not a zero. Beyond 64 bits it is a double."""
    total = values.sum(min_count=1)
    if total.dtype.kind not in "iu":
        return total
    rough = values.mean() * values.count()
    return total if (rough.abs() < _LARGEST).all() else rough


class Metric(StrictModel):
    """One aggregated column."""

    column: str
    function: Function


class Aggregate(TransformStep):
    """One row for each group of `by`, with the given metrics; a null key is a group of its own."""

    step: Literal["aggregate"]
    by: list[str] = Field(min_length=1, description="Columns that make a group.")
    metrics: dict[str, Metric] = Field(min_length=1, description="New column to {column, function}.")
    rows: str | None = Field(default=None, description="Name of a column that counts the group's rows.")

    @model_validator(mode="after")
    def _names_differ(self) -> Aggregate:
        taken = [*self.metrics, *([self.rows] if self.rows else [])]
        clash = sorted(set(taken) & set(self.by)) or ([self.rows] if self.rows in self.metrics else [])
        if clash:
            raise ValueError(f"aggregate would make two columns called '{clash[0]}'; choose another name.")
        return self

    def apply(self, table: pd.DataFrame, context: TransformContext) -> pd.DataFrame:
        """The aggregated table, in the order of the keys."""
        import pandas as pd

        self.require(table, *self.by, *(metric.column for metric in self.metrics.values()))
        self.require_numbers(table, *(m.column for m in self.metrics.values() if m.function in _NUMERIC))
        groups = table.groupby(self.by, dropna=False, sort=True, observed=True)
        parts = {name: _compute(groups[metric.column], metric.function) for name, metric in self.metrics.items()}
        if self.rows:
            parts[self.rows] = groups.size()
        return pd.DataFrame(parts).reset_index()


class Resample(TransformStep):
    """One row for each span of time (and key); a span without rows between the first and the last is kept as nulls."""

    step: Literal["resample"]
    time: str = Field(description="Time column.")
    every: Annotated[str, AfterValidator(Span.checked)] = Field(description="Span: 15min, 1h, 1D, 1W, 1MS.")
    aggregate: dict[str, Function] = Field(min_length=1, description="Column to mean, sum, min, max, last, …")
    by: list[str] = Field(default_factory=list, description="Key: resample each group by itself.")
    gaps: Literal["null", "drop"] = Field(default="null", description="What a span without rows becomes.")

    @model_validator(mode="after")
    def _names_differ(self) -> Resample:
        clash = set(self.aggregate) & {self.time, *self.by}
        if clash:
            raise ValueError(f"resample cannot aggregate its own time or key column '{sorted(clash)[0]}'.")
        return self

    def apply(self, table: pd.DataFrame, context: TransformContext) -> pd.DataFrame:
        """The table with one row for each span, in the order of key and time."""
        import pandas as pd

        self.require(table, *self.by, *self.aggregate)
        self.require_times(table, self.time)
        self.require_numbers(table, *(name for name, function in self.aggregate.items() if function in _NUMERIC))
        timed = self._timed(table, context)
        Span(self.every).refuse_endless(self.step, timed[self.time], groups=self._groups(timed))
        if not self.by:
            return self._one(timed)
        parts = [
            pd.DataFrame([keys] * len(frame := self._one(group)), columns=self.by).join(frame)
            for keys, group in timed.groupby(self.by, dropna=False, sort=True, observed=True)
        ]
        return pd.concat(parts, ignore_index=True)[[*self.by, self.time, *self.aggregate]]

    def _timed(self, table: pd.DataFrame, context: TransformContext) -> pd.DataFrame:
        timed = table.loc[table[self.time].notna()]
        if not len(timed):
            raise TransformError(
                f"Transform step 'resample' found no time in '{self.time}' ({len(table):,} rows).",
                hint="Check the source's timestamp.",
            )
        if len(timed) < len(table):
            context.note(
                self, f"Transform step 'resample' dropped {len(table) - len(timed):,} rows that have no '{self.time}'."
            )
        return timed.sort_values(self.time, kind="stable")  # so that first and last mean first and last in time

    def _groups(self, table: pd.DataFrame) -> int:
        return int(table.groupby(self.by, dropna=False, observed=True).ngroups) if self.by else 1

    def _one(self, table: pd.DataFrame) -> pd.DataFrame:
        import pandas as pd

        spans = table.set_index(self.time).resample(self.every)
        frame = pd.DataFrame({name: _compute(spans[name], function) for name, function in self.aggregate.items()})
        if self.gaps == "drop":
            frame = frame.loc[(spans.size() > 0).reindex(frame.index)]
        return frame.rename_axis(self.time).reset_index()
