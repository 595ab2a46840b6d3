"""The steps `lag` and `window`: earlier values of a row's own series, by key and in the order of time.

Without `every` the step counts rows. With it, it counts spans of time: a missing hour is a gap, and a value 24 spans
ago is the value of that hour or null, never that of 24 rows ago.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, Field

from millrace.errors import TransformError
from millrace.transforms.base import TransformContext, TransformStep
from millrace.transforms.spans import Span

if TYPE_CHECKING:
    import pandas as pd

Rolling = Literal["mean", "min", "max", "std", "sum", "median"]


class _Historic(TransformStep):
    """What `lag` and `window` share: the series, their order, and the grid of time."""

    columns: list[str] = Field(min_length=1, description="Columns whose past is added.")
    order_by: str = Field(description="Column that orders the rows, mostly the time.")
    by: list[str] = Field(default_factory=list, description="Key: each group is a series of its own.")
    every: Annotated[str, AfterValidator(Span.checked_fixed)] | None = Field(
        default=None, description="Spacing of the series, e.g. 1h: count spans of time instead of rows."
    )

    def _add(
        self, table: pd.DataFrame, names: list[str], compute: Callable[[pd.DataFrame], dict[str, pd.Series]]
    ) -> pd.DataFrame:
        """The table with what `compute` makes of each ordered series, each row keeping its place."""
        import pandas as pd

        from millrace.tables.pandas_types import keeping_integers

        self.require(table, self.order_by, *self.by, *self.columns)
        self.require_new(table, *names)
        plain = keeping_integers(table.reset_index(drop=True))
        if self.every:
            self._check_grid(plain)
        # A row without a place in the order may be later than all others: it is nobody's past, and has none.
        ordered = plain[plain[self.order_by].notna()].sort_values(self.order_by, kind="stable")
        groups = ordered.groupby(self.by, dropna=False, sort=False, observed=True) if self.by else [((), ordered)]
        parts = [pd.DataFrame(self._series(group, compute)) for _, group in groups]
        added = pd.concat(parts).reindex(plain.index) if parts else pd.DataFrame(index=plain.index, columns=names)
        return pd.concat([plain, added[names]], axis="columns")

    def _series(self, group: pd.DataFrame, compute: Callable[[pd.DataFrame], dict[str, pd.Series]]) -> dict[str, Any]:
        import pandas as pd

        if not self.every or not len(group):
            return compute(group[self.columns])
        times = pd.DatetimeIndex(group[self.order_by])
        grid = pd.date_range(times.min(), times.max(), freq=self.every)
        self._require_on_grid(times, grid)
        regular = group[self.columns].set_axis(times).reindex(grid)
        computed = compute(regular)
        return {name: values.reindex(times).set_axis(group.index) for name, values in computed.items()}

    def _check_grid(self, table: pd.DataFrame) -> None:
        self.require_times(table, self.order_by)
        twice = table.duplicated([*self.by, self.order_by]) | table[self.order_by].isna()
        if twice.any():
            first = table.loc[twice, self.order_by].iloc[0]
            raise TransformError(
                f"Transform step '{self.step}' counts time by 'every', but '{self.order_by}' has {int(twice.sum()):,} "
                f"repeated or missing times (e.g. {first}).",
                hint=f"Put drop_duplicates by {', '.join([*self.by, self.order_by])}, or a resample, before it.",
            )
        keys = int(table.groupby(self.by, dropna=False, observed=True).ngroups) if self.by else 1
        if len(table):
            Span(str(self.every)).refuse_endless(self.step, table[self.order_by], keys)

    def _require_on_grid(self, times: pd.DatetimeIndex, grid: pd.DatetimeIndex) -> None:
        off = ~times.isin(grid)
        if off.any():
            raise TransformError(
                f"Transform step '{self.step}': {int(off.sum()):,} times are not a multiple of {self.every} after the "
                f"first, {times.min()} (e.g. {times[off][0]}).",
                hint="Resample to a regular spacing before it, or choose another 'every'.",
            )


class Lag(_Historic):
    """Add earlier values: `{column}_lag_{n}`."""

    step: Literal["lag"]
    periods: list[Annotated[int, Field(ge=1)]] = Field(min_length=1, description="How many rows or spans ago.")

    def apply(self, table: pd.DataFrame, context: TransformContext) -> pd.DataFrame:
        """The table with the lagged columns; null where the past is not known."""
        names = [f"{column}_lag_{n}" for column in self.columns for n in self.periods]
        return self._add(table, names, self._compute)

    def _compute(self, series: pd.DataFrame) -> dict[str, pd.Series]:
        return {f"{column}_lag_{n}": series[column].shift(n) for column in self.columns for n in self.periods}


class Window(_Historic):
    """Add statistics of the recent past: `{column}_{function}_{size}`."""

    step: Literal["window"]
    size: int = Field(ge=1, description="How many rows or spans.")
    functions: list[Rolling] = Field(default=["mean"], min_length=1, description="mean, min, max, std, sum, median.")
    shift: int = Field(default=1, ge=0, description="Where the window ends: 1 before the row, 0 with the row itself.")
    min_periods: int | None = Field(default=None, ge=1, description="Least known values; default: all of the window.")

    def apply(self, table: pd.DataFrame, context: TransformContext) -> pd.DataFrame:
        """The table with the statistics; null where the window knows too few values."""
        self.require_numbers(table, *self.columns)
        return self._add(table, [self._name(c, f) for c in self.columns for f in self.functions], self._compute)

    def _name(self, column: str, function: str) -> str:
        return f"{column}_{function}_{self.size}"

    def _compute(self, series: pd.DataFrame) -> dict[str, pd.Series]:
        least = self.size if self.min_periods is None else min(self.min_periods, self.size)
        rolling = {c: series[c].shift(self.shift).rolling(self.size, min_periods=least) for c in self.columns}
        return {self._name(c, f): getattr(rolling[c], f)() for c in self.columns for f in self.functions}
