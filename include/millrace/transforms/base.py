"""What a transform step is: a table-wise function of the ETL, never run in serving."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from millrace.errors import TransformError, did_you_mean
from millrace.strict import StrictModel

if TYPE_CHECKING:
    import pandas as pd


@dataclass
class TransformContext:
    """What a step may ask for (`load_table` reads a joined table) and where it leaves `notes` for the run's warnings."""

    load_table: Callable[[object], pd.DataFrame] | None = None
    notes: list[str] = field(default_factory=list)


class TransformStep(StrictModel, ABC):
    """One table-wise step. An entry sets `step` to a Literal and implements `apply`."""

    step: str

    @abstractmethod
    def apply(self, table: pd.DataFrame, context: TransformContext) -> pd.DataFrame:
        """The transformed table; the given one is not changed. Raises TransformError."""

    def require(self, table: pd.DataFrame, *columns: str) -> None:
        """Raise TransformError that names the step, the missing column and the nearest that exists."""
        for column in columns:
            if column not in table.columns:
                raise TransformError(
                    f"Transform step '{self.step}' names the column '{column}', which the table does not have.",
                    hint=did_you_mean(column, map(str, table.columns)),
                )
