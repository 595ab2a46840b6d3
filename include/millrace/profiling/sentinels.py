"""Finds values that mean missing: numbers such as -200 or -999 far outside all others, and marks such as '?'.

A value counts only when it repeats and stands alone; zero never counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

MARKS = {"?", "-", "--", ".", "n/a", "na", "nan", "null", "none", "missing", "unknown", "#n/a", "x", "*"}
_LEAST = 5
_LEAST_SHARE = 0.001


def missing_values(frame: pd.DataFrame) -> list[Any]:
    """The values that mean missing in this table, numbers first; to be given to `read.na_values`."""
    numbers: set[float] = set()
    marks: set[str] = set()
    for name in frame.columns:
        column = frame[name].dropna()
        if column.empty:
            continue
        if column.dtype.kind in "if":
            numbers |= _lone_ends(column)
        elif column.dtype == object:
            marks |= _marks_among_numbers(column)
    certain = sorted(value for value in numbers if not _ordinary_somewhere(frame, value))
    return [int(value) if value == int(value) else value for value in certain] + sorted(marks)


def _lone_ends(column: pd.Series) -> set[float]:
    """The smallest and the largest value, when it is a sentinel."""
    return {float(value) for value in (column.min(), column.max()) if _is_sentinel(column, float(value))}


def _is_sentinel(column: pd.Series, value: float) -> bool:
    rest = column[column != value]
    repeats = len(column) - len(rest)
    if not _shaped_like_one(value) or len(rest) < _LEAST or repeats < max(_LEAST, _LEAST_SHARE * len(column)):
        return False
    low, high = float(rest.min()), float(rest.max())
    if value < 0 and low < 0 and abs(low) > abs(value) / 4:
        return False
    gap = low - value if value < low else value - high
    return gap > max(1.0, 0.5 * float(rest.quantile(0.99) - rest.quantile(0.01)))


def _shaped_like_one(value: float) -> bool:
    """-200, -999, 9999, -1e30: a round or all-nines number; never a small one such as -1 or 9."""
    if value != int(value) or abs(value) < 99:
        return False
    digits = str(abs(int(value)))
    nines = set(digits) == {"9"}
    return nines or (value < 0 and set(digits[1:]) <= {"0", "9"})


def _ordinary_somewhere(frame: pd.DataFrame, value: float) -> bool:
    """Whether another column has this value among its ordinary ones: it cannot mean missing for the whole table."""
    for name in frame.columns:
        column = frame[name]
        if column.dtype.kind in "if" and (column == value).any():
            rest = column[(column != value) & column.notna()]
            if len(rest) and rest.min() < value < rest.max():
                return True
    return False


def _marks_among_numbers(column: pd.Series) -> set[str]:
    """The few words in a text column that is numbers otherwise."""
    import pandas as pd

    texts = column.astype(str).str.strip()
    words = texts[pd.to_numeric(texts, errors="coerce").isna()]
    found = set(words.unique())
    if not found or len(found) > 3 or len(words) > 0.5 * len(texts):
        return set()
    return found if all(word.lower() in MARKS for word in found) else set()
