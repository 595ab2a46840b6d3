"""Steps that drop or order rows by what is plainly in them: empty rows, duplicates, nulls, sorting."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from millrace.transforms.base import TransformContext, TransformStep

if TYPE_CHECKING:
    import pandas as pd


class DropEmpty(TransformStep):
    """Drop rows that hold no data: every column is null, times and the columns of `ignore` not counted."""

    only_selects: ClassVar[bool] = True

    step: Literal["drop_empty"]
    ignore: list[str] = Field(default_factory=list, description="Columns that do not count as data, e.g. an id.")
    columns: bool = Field(default=False, description="Also drop the columns that are null in every row.")

    def is_row_wise(self) -> bool:
        """Unless the columns are judged too."""
        return not self.columns

    def apply(self, table: pd.DataFrame, context: TransformContext) -> pd.DataFrame:
        """The table without its empty rows."""
        self.require(table, *self.ignore)
        if self.columns:
            table = table.dropna(axis="columns", how="all")
        data = table.drop(columns=[name for name in self.ignore if name in table.columns])
        # A row of which only the time is known tells nothing; a table of nothing but times is judged by them.
        untimed = data.select_dtypes(exclude=["datetime", "datetimetz"])
        judged = untimed if untimed.shape[1] else data
        return table.loc[judged.notna().any(axis="columns")].reset_index(drop=True)


class DropDuplicates(TransformStep):
    """Drop rows that repeat another row."""

    step: Literal["drop_duplicates"]
    columns: list[str] | None = Field(default=None, description="Columns that make two rows equal; default: all.")
    keep: Literal["first", "last"] = Field(default="first", description="Which of the equal rows stays.")

    def apply(self, table: pd.DataFrame, context: TransformContext) -> pd.DataFrame:
        """The table with one row of each kind."""
        self.require(table, *(self.columns or []))
        kept = table.drop_duplicates(subset=self.columns, keep=self.keep).reset_index(drop=True)
        _count_dropped(self, "repeat another row", table, kept, context)
        return kept


class DropNulls(TransformStep):
    """Drop rows in which a column is null."""

    only_selects: ClassVar[bool] = True

    step: Literal["drop_nulls"]
    columns: list[str] | None = Field(default=None, description="Columns to look at; default: all.")
    how: Literal["any", "all"] = Field(default="any", description="Whether one null is enough.")

    def is_row_wise(self) -> bool:
        """Each row by itself."""
        return True

    def apply(self, table: pd.DataFrame, context: TransformContext) -> pd.DataFrame:
        """The table without those rows."""
        self.require(table, *(self.columns or []))
        kept = table.dropna(subset=self.columns, how=self.how).reset_index(drop=True)
        _count_dropped(self, f"have no {' or '.join(self.columns or ['value somewhere'])}", table, kept, context)
        return kept


class Sort(TransformStep):
    """Order the rows; equal rows keep their order."""

    step: Literal["sort"]
    by: list[str] = Field(min_length=1, description="Columns to order by, the first one first.")
    descending: bool = Field(default=False, description="Largest first.")

    def apply(self, table: pd.DataFrame, context: TransformContext) -> pd.DataFrame:
        """The table in order, nulls last."""
        self.require(table, *self.by)
        return table.sort_values(self.by, ascending=not self.descending, kind="stable", ignore_index=True)


def _count_dropped(
    step: TransformStep, why: str, before: pd.DataFrame, after: pd.DataFrame, context: TransformContext
) -> None:
    context.count(
        step, why, len(before) - len(after), len(before),
        lambda dropped, of: f"Transform step '{step.step}' dropped {dropped:,} of {of:,} rows that {why}.",
    )  # fmt: skip
