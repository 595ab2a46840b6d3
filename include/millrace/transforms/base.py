"""What a transform step is: a table-wise function of the ETL, never run in serving."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from pydantic import ConfigDict

from millrace.errors import TransformError, did_you_mean
from millrace.strict import StrictModel

if TYPE_CHECKING:
    import pandas as pd

    from millrace.transforms.feature_set import FeatureTable

Loaded = TypeVar("Loaded")


@dataclass
class Count:
    """How many rows something befell, over all parts of the table, and how to say it."""

    say: Callable[[int, int], str]
    found: int = 0
    of: int = 0


@dataclass
class TransformContext:
    """What a step may ask for and where it leaves notes for the run's warnings.

    `load_table` reads another source's table, `load_features` a named feature set. Where the table comes in parts,
    `first_row` tells where the present one begins.
    """

    load_table: Callable[[object], pd.DataFrame] | None = None
    load_features: Callable[[str], FeatureTable] | None = None
    first_row: int = 0
    _counts: dict[tuple[int, str], Count] = field(default_factory=dict)
    _once: dict[int, Any] = field(default_factory=dict)

    def note(self, step: TransformStep, text: str) -> None:
        """Keep one sentence for the run's warnings."""
        self._counts[id(step), text] = Count(lambda found, of: text, 1, 1)

    def count(self, step: TransformStep, about: str, found: int, of: int, say: Callable[[int, int], str]) -> None:
        """Add to what is told once, at the end: `say(found, of)` over all parts, by the first part that found any."""
        counted = self._counts.setdefault((id(step), about), Count(say))
        if not counted.found:
            counted.say = say
        counted.found, counted.of = counted.found + found, counted.of + of

    def once(self, step: TransformStep, load: Callable[[], Loaded]) -> Loaded:
        """What `load` gives, asked for once however many parts of the table the step sees."""
        if id(step) not in self._once:
            self._once[id(step)] = load()
        loaded: Loaded = self._once[id(step)]
        return loaded

    @property
    def notes(self) -> list[str]:
        """The sentences for the run's warnings, in the order of the steps."""
        return [counted.say(counted.found, counted.of) for counted in self._counts.values() if counted.found]


class TransformStep(StrictModel, ABC):
    """One table-wise step. An entry sets `step` to a Literal and implements `apply`."""

    repeatable: ClassVar[bool] = True
    """Whether the result depends on the table and the step's own options only, so that it may be reused."""
    only_selects: ClassVar[bool] = False
    """Whether it makes no value, but chooses rows or columns only, so that every type stays as it is."""

    model_config = ConfigDict(allow_inf_nan=False)

    step: str

    @abstractmethod
    def apply(self, table: pd.DataFrame, context: TransformContext) -> pd.DataFrame:
        """The transformed table; the given one is not changed. Raises TransformError."""

    def is_row_wise(self) -> bool:
        """Whether what becomes of a row depends on that row alone: such a step takes the table part by part."""
        return False

    def require(self, table: pd.DataFrame, *columns: str) -> None:
        """Raise TransformError that names the step, the missing column and the nearest that exists."""
        for column in columns:
            if column not in table.columns:
                raise TransformError(
                    f"Transform step '{self.step}' names the column '{column}', which the table does not have.",
                    hint=did_you_mean(column, map(str, table.columns)),
                )

    def require_numbers(self, table: pd.DataFrame, *columns: str) -> None:
        """As `require`, and raise TransformError for a column that does not hold numbers."""
        from pandas.api.types import is_numeric_dtype

        self.require(table, *columns)
        for column in columns:
            if not is_numeric_dtype(table[column]):
                raise TransformError(
                    f"Transform step '{self.step}' needs numbers, but the column '{column}' holds "
                    f"{described(table[column])}.",
                    hint="Name a column of numbers."
                    if table[column].dtype.kind == "M"
                    else f"Put {{step: cast, columns: {{{column}: number}}}} before it.",
                )

    def require_times(self, table: pd.DataFrame, column: str) -> None:
        """As `require`, and raise TransformError for a column that does not hold times."""
        from pandas.api.types import is_datetime64_any_dtype

        self.require(table, column)
        if not is_datetime64_any_dtype(table[column]):
            raise TransformError(
                f"Transform step '{self.step}' needs times, but the column '{column}' holds "
                f"{described(table[column])}.",
                hint=f"Put {{step: cast, columns: {{{column}: datetime}}}} before it.",
            )

    def require_new(self, table: pd.DataFrame, *columns: str) -> None:
        """Raise TransformError when a column that the step would add is there already."""
        for column in columns:
            if column in table.columns:
                raise TransformError(
                    f"Transform step '{self.step}' would overwrite the column '{column}'.",
                    hint="Rename or drop the present column first.",
                )


def described(values: pd.Series) -> str:
    """What a column holds, in a person's words: `text (e.g. 'abc')`."""
    kinds = {"b": "true/false", "i": "whole numbers", "u": "whole numbers", "f": "numbers", "M": "times"}
    known = values.dropna()
    truths = len(known) and isinstance(known.iloc[0], bool)
    kind = "true/false" if truths else kinds.get(getattr(values.dtype, "kind", "O"), "text")
    return f"{kind} (e.g. {shown(known.iloc[0])})" if len(known) else f"{kind} (all null)"


def shown(value: Any) -> str:
    """A value as a person would write it, without numpy's name for its type."""
    return repr(value.item() if hasattr(value, "item") else value)
