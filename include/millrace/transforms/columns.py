"""Steps that choose, drop and name columns; they never look at a value."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from millrace.errors import TransformError
from millrace.transforms.base import TransformContext, TransformStep

if TYPE_CHECKING:
    import pandas as pd


class DropColumns(TransformStep):
    """Drop the named columns."""

    only_selects: ClassVar[bool] = True

    step: Literal["drop_columns"]
    columns: list[str] = Field(min_length=1, description="Columns to drop.")

    def is_row_wise(self) -> bool:
        """Each row by itself."""
        return True

    def apply(self, table: pd.DataFrame, context: TransformContext) -> pd.DataFrame:
        """The table without the columns."""
        self.require(table, *self.columns)
        return table.drop(columns=self.columns)


class KeepColumns(TransformStep):
    """Keep the named columns only, in the order named."""

    only_selects: ClassVar[bool] = True

    step: Literal["keep_columns"]
    columns: list[str] = Field(min_length=1, description="Columns to keep, in this order.")

    def is_row_wise(self) -> bool:
        """Each row by itself."""
        return True

    def apply(self, table: pd.DataFrame, context: TransformContext) -> pd.DataFrame:
        """The table with these columns."""
        self.require(table, *self.columns)
        return table[list(dict.fromkeys(self.columns))].copy()


class Rename(TransformStep):
    """Give columns new names."""

    only_selects: ClassVar[bool] = True

    step: Literal["rename"]
    columns: dict[str, str] = Field(min_length=1, description="Old name to new name.")

    def is_row_wise(self) -> bool:
        """Each row by itself."""
        return True

    def apply(self, table: pd.DataFrame, context: TransformContext) -> pd.DataFrame:
        """The table with the new names; two columns of one name are refused."""
        self.require(table, *self.columns)
        renamed = table.rename(columns=self.columns)
        twice = renamed.columns[renamed.columns.duplicated()]
        if len(twice):
            raise TransformError(
                f"Transform step 'rename' would give two columns the name '{twice[0]}'.",
                hint="Drop the present column first, or choose another name.",
            )
        return renamed
