"""The steps `fill` and `clip`: replace missing values, and hold values between bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, model_validator

from millrace.errors import TransformError
from millrace.transforms.base import TransformContext, TransformStep, described

if TYPE_CHECKING:
    import pandas as pd

Method = Literal["constant", "median", "mean", "mode", "forward", "backward"]
_DIRECTIONS = {"forward": "ffill", "backward": "bfill"}


class Fill(TransformStep):
    """Replace nulls. A statistic is taken over the whole table, test rows too; prefer the model's own imputation."""

    step: Literal["fill"]
    columns: list[str] = Field(min_length=1, description="Columns to fill.")
    method: Method = Field(default="constant", description="constant, median, mean, mode, forward or backward.")
    value: bool | int | float | str | None = Field(default=None, description="The value of method: constant.")
    by: list[str] = Field(default_factory=list, description="Key: fill within each group only.")
    order_by: str | None = Field(default=None, description="Order of forward and backward; default: as the rows stand.")
    limit: int | None = Field(default=None, ge=1, description="Longest gap, in rows, for forward and backward.")

    @model_validator(mode="after")
    def _options_fit(self) -> Fill:
        if (self.method == "constant") != (self.value is not None):
            raise ValueError("'value' belongs to method: constant, and to no other method.")
        if self.limit is not None and self.method not in {"forward", "backward"}:
            raise ValueError(f"'limit' belongs to method: forward or backward; found method: {self.method}.")
        return self

    def is_row_wise(self) -> bool:
        """A constant is the same for every row; a statistic, or the value of a neighbour, is not."""
        return self.method == "constant"

    def apply(self, table: pd.DataFrame, context: TransformContext) -> pd.DataFrame:
        """The table with its gaps filled; what cannot be filled (a group without a value) stays null."""
        self.require(table, *self.columns, *self.by, *([self.order_by] if self.order_by else []))
        if self.method in {"median", "mean"}:
            self.require_numbers(table, *self.columns)
        ordered = table.sort_values(self.order_by, kind="stable") if self.order_by else table
        filled = {column: self._filled(ordered, column).reindex(table.index) for column in self.columns}
        return table.assign(**filled)

    def _filled(self, table: pd.DataFrame, column: str) -> pd.Series:
        values = _with_room(table[column]) if self.method in {"mean", "median"} else table[column]
        if self.method == "constant":
            return self._constant(values)
        groups = table.groupby(self.by, dropna=False, sort=False)[column] if self.by else None
        if self.method in {"forward", "backward"}:
            source: Any = values if groups is None else groups
            filled: pd.Series = getattr(source, _DIRECTIONS[self.method])(limit=self.limit)
            return filled
        if groups is None:
            return values.fillna(_statistic(values, self.method)) if values.notna().any() else values
        return values.fillna(groups.transform(lambda group: _statistic(group, self.method)))

    def _constant(self, values: pd.Series) -> pd.Series:
        if values.isna().any() and not self._fits(values):
            raise TransformError(
                f"Transform step 'fill' would put {self.value!r} into '{values.name}', which holds "
                f"{described(values)}.",
                hint="Give a value of the column's type, or cast the column first.",
            )
        import pandas as pd

        room = _with_room(values) if isinstance(self.value, float) and self.value % 1 else values
        value = (
            pd.to_datetime(str(self.value), utc=values.dt.tz is not None) if values.dtype.kind == "M" else self.value
        )
        filled: pd.Series = room.fillna(value)
        return filled

    def _fits(self, values: pd.Series) -> bool:
        """Whether the value is of the column's kind, as far as it can be seen: objects that are all null may be any."""
        import pandas as pd

        kind = values.dtype.kind
        if kind == "M":
            return isinstance(self.value, str) and pd.notna(pd.to_datetime(self.value, utc=True, errors="coerce"))
        if kind != "O":
            return isinstance(self.value, int | float) and isinstance(self.value, bool) == (kind == "b")
        known = values.dropna()
        return known.empty or _family(known.iloc[0]) is _family(self.value)


def _family(value: Any) -> type:
    return next((kind for kind in (bool, str) if isinstance(value, kind)), object)


def _with_room(values: pd.Series) -> pd.Series:
    """Nullable whole numbers as doubles, so that a fraction may stand among them."""
    return values.astype("float64") if values.dtype.name.startswith(("Int", "UInt")) else values


def _statistic(values: pd.Series, method: str) -> Any:
    if method == "mode":
        modes = values.mode()
        return modes.iloc[0] if len(modes) else None
    return getattr(values, method)()


class Clip(TransformStep):
    """Hold numbers between bounds: what lies outside becomes the bound; nulls stay null."""

    step: Literal["clip"]
    columns: list[str] = Field(min_length=1, description="Columns to clip.")
    min: float | None = Field(default=None, description="Smallest value.")
    max: float | None = Field(default=None, description="Largest value.")

    @model_validator(mode="after")
    def _has_bounds(self) -> Clip:
        if self.min is None and self.max is None:
            raise ValueError("clip needs 'min', 'max' or both.")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"clip.min {self.min} is larger than clip.max {self.max}.")
        return self

    def is_row_wise(self) -> bool:
        """Each row by itself."""
        return True

    def apply(self, table: pd.DataFrame, context: TransformContext) -> pd.DataFrame:
        """The table with the columns clipped."""
        self.require_numbers(table, *self.columns)
        whole = all(bound is None or bound % 1 == 0 for bound in (self.min, self.max))
        numbers = {name: table[name] if whole else _with_room(table[name]) for name in self.columns}
        return table.assign(**{name: values.clip(self.min, self.max) for name, values in numbers.items()})
