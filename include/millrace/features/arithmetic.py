"""Steps that reckon with numbers: ratio, difference, interaction, polynomial, log1p. A missing number stays missing."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from millrace.errors import TransformError
from millrace.features.base import Columns, FeatureStep

if TYPE_CHECKING:
    import numpy as np


class NumericStep(FeatureStep):
    """What the arithmetic steps share: their inputs must be numbers."""

    @staticmethod
    def finite(values: np.ndarray) -> np.ndarray:
        """The values, missing where they are too large for a number: no model, compiled or not, takes infinity."""
        import numpy as np

        return np.where(np.isinf(values), np.nan, values)

    def numbers(self, columns: Columns, name: str) -> np.ndarray:
        """The column as float64. Raises TransformError for a column of texts or times."""
        values: np.ndarray = columns[name]
        if values.dtype.kind != "f":
            raise TransformError(
                f"Feature step '{self.step}' reads the column '{name}', which holds no numbers.",
                hint="Name a numeric column, or cast it in 'transform'.",
            )
        return values


class _Pair(NumericStep):
    left: str = Field(description="First column.")
    right: str = Field(description="Second column.")
    as_: str | None = Field(default=None, alias="as", description="Name of the new column.")

    @property
    def inputs(self) -> tuple[str, ...]:
        """Both columns."""
        return (self.left, self.right)

    @property
    def outputs(self) -> tuple[str, ...]:
        """One new column."""
        return (self.as_ or f"{self.left}_{self._word()}_{self.right}",)

    @abstractmethod
    def _word(self) -> str:
        """What stands between the columns' names in the new one's."""

    @abstractmethod
    def _result(self, left: Any, right: Any) -> Any:
        """The new values."""

    def apply(self, columns: Columns) -> dict[str, np.ndarray]:
        """The new column."""
        import numpy as np

        with np.errstate(over="ignore"):
            made = self._result(self.numbers(columns, self.left), self.numbers(columns, self.right))
        return {self.outputs[0]: self.finite(made)}


class Ratio(_Pair):
    """left / right; missing where `right` is 0."""

    step: Literal["ratio"]

    def _word(self) -> str:
        return "per"

    def _result(self, left: Any, right: Any) -> Any:
        import numpy as np

        return np.divide(left, right, out=np.full(left.shape, np.nan), where=right != 0)


class Difference(_Pair):
    """left - right."""

    step: Literal["difference"]

    def _word(self) -> str:
        return "minus"

    def _result(self, left: Any, right: Any) -> Any:
        return left - right


class Interaction(_Pair):
    """left x right."""

    step: Literal["interaction"]

    def _word(self) -> str:
        return "times"

    def _result(self, left: Any, right: Any) -> Any:
        return left * right


class Polynomial(NumericStep):
    """Powers of a column, from the second to `degree`."""

    step: Literal["polynomial"]
    column: str = Field(description="Numeric column.")
    degree: int = Field(default=2, ge=2, le=5, description="Highest power.")

    @property
    def inputs(self) -> tuple[str, ...]:
        """The column."""
        return (self.column,)

    @property
    def outputs(self) -> tuple[str, ...]:
        """One column for each power."""
        return tuple(f"{self.column}_pow{power}" for power in range(2, self.degree + 1))

    def apply(self, columns: Columns) -> dict[str, np.ndarray]:
        """The powers."""
        import numpy as np

        values = self.numbers(columns, self.column)
        with np.errstate(over="ignore"):
            return {name: self.finite(values**power) for power, name in enumerate(self.outputs, start=2)}


class Log1p(NumericStep):
    """log(1 + x) of each column; missing where x <= -1."""

    step: Literal["log1p"]
    columns: list[str] = Field(min_length=1, description="Numeric columns.")
    drop: bool = Field(default=False, description="Whether the columns themselves are left out.")

    @property
    def inputs(self) -> tuple[str, ...]:
        """The columns."""
        return tuple(self.columns)

    @property
    def outputs(self) -> tuple[str, ...]:
        """`<column>_log1p` for each."""
        return tuple(f"{name}_log1p" for name in self.columns)

    @property
    def drops(self) -> tuple[str, ...]:
        """The columns, when asked."""
        return self.inputs if self.drop else ()

    def apply(self, columns: Columns) -> dict[str, np.ndarray]:
        """The logarithms."""
        import numpy as np

        made = {}
        for name, output in zip(self.columns, self.outputs, strict=True):
            values = self.numbers(columns, name)
            made[output] = np.log1p(values, out=np.full(values.shape, np.nan), where=values > -1)
        return made
