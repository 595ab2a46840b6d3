"""Describes each column of the transformed table for the run record: what it holds, how much is missing, what is usual.

A large table is described by evenly spaced rows. Values of a text column are told only where they are categories: rare
values may be names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from millrace.features.columns import kind_of
from millrace.stores.base import Dataset

if TYPE_CHECKING:
    import pandas as pd

MAX_ROWS = 200_000
CHUNK_ROWS = 65_536
MAX_COLUMNS = 100
MAX_CATEGORIES, COMMON, LONGEST = 50, 5, 60
RARE = 0.01
"""A text that fewer rows have is not told."""


def table_profile(frame: pd.DataFrame) -> dict[str, Any]:
    """The description as small JSON: `rows` that were looked at, and a document for each column."""
    looked_at = frame.iloc[:: _step(len(frame))]
    named = list(frame.columns[:MAX_COLUMNS])
    return {
        "rows": len(looked_at),
        "columns": [_described(str(name), looked_at[name]) for name in named],
        "columns_left_out": frame.shape[1] - len(named),
    }


def evenly_spaced(dataset: Dataset) -> pd.DataFrame:
    """The rows of a stored table that its description looks at; memory holds these only."""
    import pandas as pd

    step, start, parts = _step(dataset.ref.rows), 0, []
    for frame in dataset.frames(CHUNK_ROWS):
        parts.append(frame.iloc[-start % step :: step].copy())  # a view would hold the whole part
        start += len(frame)
    return pd.concat(parts, ignore_index=True)


def _step(rows: int) -> int:
    return -(-rows // MAX_ROWS) or 1


def _described(name: str, values: pd.Series[Any]) -> dict[str, Any]:
    known = values.dropna()
    missing = 1 - len(known) / len(values) if len(values) else 0.0
    if not len(known):
        return {"column": name, "kind": "empty", "missing": missing, "distinct": 0}
    kind = kind_of(values)
    facts = {"number": _numbers, "time": _times}.get(kind, _categories)(known)
    return {"column": name, "kind": kind, "missing": missing, "distinct": int(known.nunique()), **facts}


def _numbers(known: pd.Series[Any]) -> dict[str, Any]:
    numbers = known.to_numpy(dtype="float64")
    finite = numbers[np.isfinite(numbers)]
    if not len(finite):
        return {}
    low, median, high = np.quantile(finite, [0, 0.5, 1])
    return {"least": float(low), "median": float(median), "most": float(high), "zeros": float((finite == 0).mean())}


def _times(known: pd.Series[Any]) -> dict[str, Any]:
    return {"least": str(known.min()), "most": str(known.max())}


def _categories(known: pd.Series[Any]) -> dict[str, Any]:
    shares = known.astype("string").value_counts(normalize=True)
    if len(shares) > MAX_CATEGORIES:
        return {}
    told = shares[shares >= RARE].head(COMMON)
    return {"common": [{"value": str(value)[:LONGEST], "share": float(share)} for value, share in told.items()]}
