"""The steps `filter` and `derive`: keep rows by a condition, add columns by a formula."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, model_validator

from millrace.errors import TransformError
from millrace.strict import StrictModel
from millrace.transforms.base import TransformContext, TransformStep
from millrace.transforms.expressions import Expression

if TYPE_CHECKING:
    import pandas as pd

Operator = Literal["==", "!=", "<", "<=", ">", ">=", "in", "not in", "is null", "not null"]
_NULL_TESTS = {"is null": "is_null", "not null": "not_null"}


def _readable(text: str) -> str:
    Expression(text)
    return text


Formula = Annotated[str, AfterValidator(_readable)]


class Condition(StrictModel):
    """One condition on one column."""

    column: str = Field(pattern="^[^`]+$")
    op: Operator
    value: bool | int | float | str | list[bool | int | float | str] | None = None

    @model_validator(mode="after")
    def _value_fits(self) -> Condition:
        if (self.op in _NULL_TESTS) != (self.value is None):
            raise ValueError(f"'{self.op}' takes {'no value' if self.op in _NULL_TESTS else 'a value'}.")
        if (self.op in {"in", "not in"}) != isinstance(self.value, list):
            raise ValueError(f"'{self.op}' takes {'a list' if self.op in {'in', 'not in'} else 'one value'}.")
        return self

    @property
    def formula(self) -> str:
        """The condition in the language of expressions."""
        column = f"`{self.column}`"
        if self.op in _NULL_TESTS:
            return f"{_NULL_TESTS[self.op]}({column})"
        return f"{column} {self.op} {self.value!r}"


class Filter(TransformStep):
    """Keep the rows for which a condition holds; a comparison with null does not hold."""

    only_selects: ClassVar[bool] = True

    step: Literal["filter"]
    where: Formula | None = Field(default=None, description="Expression, e.g. hour >= 6 and `CO(GT)` < 10.")
    conditions: list[Condition] = Field(default_factory=list, description="Conditions that must all hold.")

    @model_validator(mode="after")
    def _one_form(self) -> Filter:
        if (self.where is None) == (not self.conditions):
            raise ValueError("filter needs either 'where' or 'conditions'.")
        return self

    def is_row_wise(self) -> bool:
        """Each row by itself."""
        return True

    def apply(self, table: pd.DataFrame, context: TransformContext) -> pd.DataFrame:
        """The rows that satisfy the condition."""
        import pandas as pd

        text = self.where or " and ".join(condition.formula for condition in self.conditions)
        mask = _evaluate(self, text, table)
        if not isinstance(mask, pd.Series) or not pd.api.types.is_bool_dtype(mask):
            raise TransformError(
                f"Transform step 'filter': '{text}' is not true or false for each row.",
                hint="Compare something, e.g. hour >= 6.",
            )
        return table.loc[mask.fillna(False).astype(bool)].reset_index(drop=True)


class Derive(TransformStep):
    """Add columns by formulas, in order; a later formula may use an earlier column."""

    step: Literal["derive"]
    columns: dict[str, Formula] = Field(min_length=1, description="New column to its formula.")

    def is_row_wise(self) -> bool:
        """Each row by itself."""
        return True

    def apply(self, table: pd.DataFrame, context: TransformContext) -> pd.DataFrame:
        """The table with the new columns."""
        for name, text in self.columns.items():
            table = table.assign(**{name: self._finite(name, _evaluate(self, text, table), context)})
        return table

    def _finite(self, name: str, values: Any, context: TransformContext) -> Any:
        import numpy as np
        import pandas as pd

        if not isinstance(values, pd.Series) or values.dtype.kind != "f":
            return values
        infinite = np.isinf(values.to_numpy(dtype=float, na_value=np.nan))
        context.count(
            self, name, int(infinite.sum()), len(values),
            lambda n, _: f"Transform step 'derive': '{name}' is infinite in {n:,} rows; they became null.",
        )  # fmt: skip
        return values.mask(infinite)


def _evaluate(step: TransformStep, text: str, table: pd.DataFrame) -> Any:
    expression = Expression(text)
    step.require(table, *expression.columns)
    try:
        return expression.evaluate(table)
    except (TypeError, ValueError, ArithmeticError) as error:
        raise TransformError(
            f"Transform step '{step.step}' cannot work out '{text}': {error}.",
            hint="Check the types of its columns; a 'cast' before it changes them.",
        ) from error
