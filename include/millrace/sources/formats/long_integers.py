"""Finds integers that doubles do not hold, such as 64-bit keys, in columns that were read by way of doubles.

Nothing here reads a file: it looks at what was read, as numbers and as text.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from millrace.tables.pandas_types import EXACT_INTEGERS
from millrace.tables.spool import Spool

_FIRST, _LAST = -(2**63), 2**63 - 1


def far_columns(spool: Spool, declared: Iterable[str]) -> tuple[list[str], list[str]]:
    """The columns of doubles with a finite value beyond 2^53, and the declared columns with a negative value.

    Of a declared integer beyond 64 bits pandas makes a negative one, without a word.
    """
    far: dict[str, None] = {}
    negative: dict[str, None] = {}
    doubles = [field.name for field in spool.schema() if field.type == pa.float64()]
    for table in spool.tables():
        for name in doubles:
            low, high = _bounds(table[name])
            if max(-low, high) >= EXACT_INTEGERS:  # 2^53 + 1 is rounded to 2^53
                far[name] = None
        for name in declared:
            if name in table.column_names and _bounds(table[name])[0] < 0:
                negative[name] = None
    return list(far), list(negative)


def _bounds(values: Any) -> tuple[float, float]:
    found = pc.min_max(values).as_py()
    return found["min"] or 0, found["max"] or 0


def are_integers(texts: pd.Series[str]) -> tuple[bool, str | None]:
    """Whether all texts are integers that 64 bits hold, and the first integer that they do not hold."""
    known = texts.dropna().astype(str).str.strip()
    digits = known.str.fullmatch(r"[+-]?[0-9]+")
    long = known[digits & (known.str.len() > 18)]
    beyond = [text for text in long if not _FIRST <= int(text[:40]) <= _LAST]
    return bool(digits.all()) and not beyond, beyond[0] if beyond else None
