"""What each column of a table is: a number, a category, an identifier, free text, a time, or nothing of use."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from millrace.profiling.damage import Damage, find_damage

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal["number", "boolean", "category", "text", "identifier", "constant", "empty", "sparse", "time"]

SPARSE_SHARE = 0.6
"""A column with more nulls than this is dropped: what is imputed would outweigh what is known."""
MOST_CATEGORIES = 100
MOST_CATEGORY_SHARE = 0.2
_IDENTIFIER = re.compile(r"(?:^|[\W_])(?:id|ids|uuid|guid|index|idx|key|no|nr|number|code|unnamed)(?:$|[\W_])", re.I)


@dataclass(frozen=True)
class Column:
    """One column: its kind, and the facts that expectations are drawn from."""

    name: str
    kind: Kind
    nulls: int
    distinct: int
    integer: bool = False
    minimum: float | None = None
    maximum: float | None = None
    values: tuple[Any, ...] = ()
    damage: Damage | None = None

    @property
    def useful(self) -> bool:
        """Whether a model can learn from the column as it is."""
        return self.kind in {"number", "boolean", "category"}


def profile_columns(frame: pd.DataFrame, times: set[str]) -> list[Column]:
    """Every column of the table; `times` names those that were found to hold times."""
    return [_time(frame[name]) if str(name) in times else profile_column(frame[name]) for name in frame.columns]


def _time(column: pd.Series) -> Column:
    return Column(str(column.name), "time", int(column.isna().sum()), int(column.nunique()))


def profile_column(column: pd.Series) -> Column:
    """One column that holds no times."""
    import pandas as pd

    name, known = str(column.name), column.dropna()
    nulls, distinct = len(column) - len(known), int(known.nunique())
    if distinct == 0:
        return Column(name, "empty", nulls, 0)
    if pd.api.types.is_bool_dtype(known.infer_objects()):
        return Column(name, "boolean", nulls, distinct)
    if pd.api.types.is_numeric_dtype(known):
        return _number(name, known, nulls, distinct)
    return _text(name, known.astype(str), nulls, distinct)


def _number(name: str, known: pd.Series, nulls: int, distinct: int) -> Column:
    integer = bool((known == known.round()).all())
    low, high = float(known.min()), float(known.max())
    kind: Kind = "number"
    if nulls > SPARSE_SHARE * (nulls + len(known)):
        kind = "sparse"
    elif distinct == 1:
        kind = "constant"
    elif integer and distinct == len(known) and len(known) >= 20 and (_IDENTIFIER.search(name) or _counts_up(known)):
        kind = "identifier"
    damage = find_damage(known, integer) if kind == "number" else None
    return Column(name, kind, nulls, distinct, integer, low, high, damage=damage)


def _counts_up(known: pd.Series) -> bool:
    """Whether the values are a running number of the rows."""
    return bool((known.diff().dropna() == 1).all())


def _text(name: str, known: pd.Series, nulls: int, distinct: int) -> Column:
    counts = known.value_counts()
    kind: Kind = "category"
    if nulls > SPARSE_SHARE * (nulls + len(known)):
        kind = "sparse"
    elif distinct == 1:
        kind = "constant"
    elif distinct == len(known) and len(known) >= 20:
        kind = "identifier"
    elif distinct > MOST_CATEGORIES or distinct > max(20, MOST_CATEGORY_SHARE * len(known)):
        kind = "text"
    values = tuple(sorted(map(str, counts.index))) if kind in {"category", "constant"} else ()
    damage = find_damage(known, False) if kind == "category" else None
    return Column(name, kind, nulls, distinct, values=values, damage=damage)
