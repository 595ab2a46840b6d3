"""Keys by which a step matches two tables: they match only where both sides hold the same kind of value."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from millrace.errors import TransformError
from millrace.transforms.base import described

if TYPE_CHECKING:
    import pandas as pd

_KINDS = {"i": "number", "u": "number", "f": "number", "M": "time", "b": "truth"}


def require_same_kinds(step: str, table: pd.DataFrame, other: pd.DataFrame, keys: Iterable[str], where: str) -> None:
    """Refuse a key that holds one kind in `table` and another in `other`, which a message calls `where`.

    Raises TransformError.
    """
    for key in keys:
        here, there = (_KINDS.get(side[key].dtype.kind, "text") for side in (table, other))
        if here != there:
            raise TransformError(
                f"Transform step '{step}': the key '{key}' holds {described(table[key])} here and "
                f"{described(other[key])} in {where}.",
                hint="Cast one of them, or give the source's column types.",
            )
