"""Steps that mark something about a value: its bin, its place on a circle, that it is missing, how long a text is."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from pydantic import Field, field_validator

from millrace.features.arithmetic import NumericStep
from millrace.features.base import Columns, FeatureStep

if TYPE_CHECKING:
    import numpy as np


class Bin(NumericStep):
    """The number of the bin that a value falls in: 0 below the first edge; an edge belongs to the bin above it."""

    step: Literal["bin"]
    column: str = Field(description="Numeric column.")
    edges: list[float] = Field(min_length=1, description="Edges, rising.")

    @field_validator("edges")
    @classmethod
    def _rising(cls, edges: list[float]) -> list[float]:
        if any(low >= high for low, high in pairwise(edges)):
            raise ValueError(f"edges {edges} must rise. Sort them and write each once.")
        return edges

    @property
    def inputs(self) -> tuple[str, ...]:
        """The column."""
        return (self.column,)

    @property
    def outputs(self) -> tuple[str, ...]:
        """`<column>_bin`."""
        return (f"{self.column}_bin",)

    def apply(self, columns: Columns) -> dict[str, np.ndarray]:
        """The bins as float64, NaN where the value is missing."""
        import numpy as np

        values = self.numbers(columns, self.column)
        bins = np.digitize(values, self.edges).astype("float64")
        return {self.outputs[0]: np.where(np.isnan(values), np.nan, bins)}


class Cyclic(NumericStep):
    """Sine and cosine of a number that comes round after `period`, such as a wind direction."""

    step: Literal["cyclic"]
    column: str = Field(description="Numeric column.")
    period: float = Field(gt=0, description="After how much the value starts again, e.g. 360.")
    drop: bool = Field(default=False, description="Whether the column itself is left out.")

    @property
    def inputs(self) -> tuple[str, ...]:
        """The column."""
        return (self.column,)

    @property
    def outputs(self) -> tuple[str, ...]:
        """`<column>_sin` and `<column>_cos`."""
        return (f"{self.column}_sin", f"{self.column}_cos")

    @property
    def drops(self) -> tuple[str, ...]:
        """The column, when asked."""
        return self.inputs if self.drop else ()

    def apply(self, columns: Columns) -> dict[str, np.ndarray]:
        """The point on the circle."""
        import numpy as np

        angle = self.numbers(columns, self.column) * (2 * np.pi / self.period)
        return {self.outputs[0]: np.sin(angle), self.outputs[1]: np.cos(angle)}


class MissingFlag(FeatureStep):
    """1 where the value is missing, else 0."""

    step: Literal["missing_flag"]
    columns: list[str] = Field(min_length=1, description="Columns of any kind.")

    @property
    def inputs(self) -> tuple[str, ...]:
        """The columns."""
        return tuple(self.columns)

    @property
    def outputs(self) -> tuple[str, ...]:
        """`<column>_missing` for each."""
        return tuple(f"{name}_missing" for name in self.columns)

    def apply(self, columns: Columns) -> dict[str, np.ndarray]:
        """The flags as float64."""
        return {
            o: _missing(columns[name]).astype("float64") for name, o in zip(self.columns, self.outputs, strict=True)
        }


class TextLength(FeatureStep):
    """How many characters and words a text has; missing for a missing text."""

    step: Literal["text_length"]
    column: str = Field(description="Text column.")
    drop: bool = Field(default=True, description="Whether the text itself is left out.")

    @property
    def inputs(self) -> tuple[str, ...]:
        """The column."""
        return (self.column,)

    @property
    def outputs(self) -> tuple[str, ...]:
        """`<column>_length` and `<column>_words`."""
        return (f"{self.column}_length", f"{self.column}_words")

    @property
    def drops(self) -> tuple[str, ...]:
        """The text, unless it is wanted as a category too."""
        return self.inputs if self.drop else ()

    def apply(self, columns: Columns) -> dict[str, np.ndarray]:
        """The two counts as float64."""
        import numpy as np

        texts = columns[self.column]
        lengths = [np.nan if text is None else len(str(text)) for text in texts]
        words = [np.nan if text is None else len(str(text).split()) for text in texts]
        return {self.outputs[0]: np.array(lengths, "float64"), self.outputs[1]: np.array(words, "float64")}


def _missing(values: np.ndarray) -> np.ndarray:
    import numpy as np

    if values.dtype.kind in "Mf":
        return np.asarray(np.isnan(values))
    return np.array([value is None for value in values], dtype=bool)
