"""The step `join`: adds the columns of another table by key. Who reads that table is the context's affair."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from millrace.errors import TransformError
from millrace.transforms.base import TransformContext, TransformStep
from millrace.transforms.keys import require_same_kinds

if TYPE_CHECKING:
    import pandas as pd

_MATCH = "millrace:match"
_CHECKS = {"m:1": "the joined table", "1:1": "one of the tables", "1:m": "this table"}


class Join(TransformStep):
    """Add the columns of another table. A key that would multiply rows is an error unless `validate` allows it.

    A null key matches nothing: what is not known is not the same as something else that is not known.
    """

    repeatable = False

    step: Literal["join"]
    with_: dict[str, Any] = Field(alias="with", description="The other table: a source, as under 'source'.")
    on: list[str] = Field(min_length=1, description="Key columns, which both tables have.")
    how: Literal["left", "inner"] = Field(default="left", description="left keeps every row; inner the matched ones.")
    validate_: Literal["m:1", "1:1", "1:m", "m:m"] = Field(
        default="m:1", alias="validate", description="How often a key may occur: here, and in the joined table."
    )
    columns: list[str] | None = Field(default=None, description="Columns to take; default: all.")
    suffix: str = Field(default="_joined", description="For a taken column whose name is there already.")

    def is_row_wise(self) -> bool:
        """Unless keys must be unique in this table; the joined one is held in memory."""
        return self.validate_ == "m:1" or (self.validate_ == "m:m" and self.how == "left")

    def apply(self, table: pd.DataFrame, context: TransformContext) -> pd.DataFrame:
        """The joined table, in the order of the given one."""
        import pandas as pd

        other = context.once(self, lambda: self._other(context))
        self.require(table, *self.on)
        require_same_kinds(self.step, table, other, self.on, "the joined table")
        self._refuse_taken_names(table, other)
        try:
            joined = table.merge(
                self._matchable(table, other),
                on=self.on,
                how=self.how,
                validate=self.validate_,
                suffixes=("", self.suffix),
                indicator=_MATCH,
            )
        except pd.errors.MergeError as error:
            raise TransformError(
                f"Transform step 'join' (validate: {self.validate_}): the key {', '.join(self.on)} is not unique in "
                f"{_CHECKS.get(self.validate_, 'the tables')}.",
                hint="Drop its duplicates, add key columns, or allow it by 'validate'.",
            ) from error
        self._note_unmatched(joined, len(table), context)
        return joined.drop(columns=_MATCH).reset_index(drop=True)

    def _other(self, context: TransformContext) -> pd.DataFrame:
        if context.load_table is None:
            raise TransformError("Transform step 'join' cannot read another table here.", hint="Run the pipeline.")
        other = context.load_table(self.with_)
        missing = [name for name in (*self.on, *(self.columns or [])) if name not in other.columns]
        if missing:
            raise TransformError(
                f"Transform step 'join': the joined table has no column '{missing[0]}'.",
                hint=f"It has: {', '.join(map(str, other.columns))}.",
            )
        return other[list(dict.fromkeys([*self.on, *self.columns]))] if self.columns is not None else other

    def _refuse_taken_names(self, table: pd.DataFrame, other: pd.DataFrame) -> None:
        taken = {str(name) for name in (*table.columns, *other.columns)}
        shared = [name for name in other.columns if name in table.columns and name not in self.on]
        clash = [f"{name}{self.suffix}" for name in shared if f"{name}{self.suffix}" in taken]
        if clash:
            raise TransformError(
                f"Transform step 'join' would make two columns called '{clash[0]}'.",
                hint="Choose another 'suffix', or take fewer 'columns'.",
            )

    def _matchable(self, table: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
        """The rows of the other table that have a key; those of its times that name no zone are UTC."""
        from millrace.tables.pandas_types import keeping_integers

        other = keeping_integers(other.dropna(subset=self.on))
        for key in self.on:
            if table[key].dtype.kind == "M" and table[key].dt.tz != other[key].dt.tz:
                aware = other[key] if other[key].dt.tz is not None else other[key].dt.tz_localize("UTC")
                other = other.assign(**{key: aware.dt.tz_convert(table[key].dt.tz)})
        return other

    def _note_unmatched(self, joined: pd.DataFrame, rows: int, context: TransformContext) -> None:
        if self.how == "left":
            lost = int((joined[_MATCH] == "left_only").sum())
            outcome = "their new columns are null"
        else:
            lost = max(rows - len(joined), 0)
            outcome = "they were dropped"
        context.count(
            self, "match", lost, rows,
            lambda n, of: f"Transform step 'join' found no match for {n:,} of {of:,} rows by {', '.join(self.on)}; "
            f"{outcome}.",
        )  # fmt: skip
