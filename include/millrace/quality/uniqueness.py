"""Finds rows that repeat an earlier row by some columns, over the whole table, without holding the table.

Each row's key is kept as two 64-bit hashes, 16 bytes a row whatever the columns. The first row of a kind is good and
each later one is a repeat: so one duplicate is one row, while Great Expectations would count both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from millrace.quality.base import Expectation
from millrace.quality.messages import unique_message
from millrace.quality.outcome import EXAMPLES, Outcome, Table, counted_raw, outcome

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

_KEYS = ("millrace-first-0", "millrace-second1")


def judge_uniqueness(expectation: Expectation, table: Table, chunk_rows: int) -> Outcome:
    """The outcome of `expect_column_values_to_be_unique` or `expect_compound_columns_to_be_unique`."""
    hashes, counted = _hashes(expectation, table, chunk_rows)
    repeats = _repeats(hashes, counted)
    considered = int(counted.sum())
    success = not considered or 1 - len(repeats) / considered >= expectation.mostly
    pairs = _pairs(hashes, counted, repeats[:EXAMPLES])
    return outcome(
        expectation,
        success=success,
        message=unique_message(expectation, len(repeats), table.rows, pairs),
        rows=table.rows,
        positions=repeats,
        unexpected=len(repeats),
        considered=considered,
        examples=[(late, f"repeats row {first + 1:,}") for late, first in pairs],
        raw=counted_raw(table.rows, table.rows - considered, len(repeats), [(late, None) for late, _ in pairs]),
    )


def _hashes(
    expectation: Expectation, table: Table, chunk_rows: int
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.bool_]]:
    """Two hashes for each row, and whether the row counts (null keys may be left out)."""
    import numpy as np

    hashes = np.empty((table.rows, 2), dtype=np.uint64)
    counted = np.empty(table.rows, dtype=np.bool_)
    start = 0
    for frame in table.frames(chunk_rows, expectation.columns):
        keys, stop = frame[expectation.columns], start + len(frame)
        hashes[start:stop] = _hash_rows(keys)
        counted[start:stop] = _counted(keys, expectation)
        start = stop
    return hashes, counted


def _hash_rows(keys: pd.DataFrame) -> npt.NDArray[np.uint64]:
    import numpy as np
    import pandas as pd

    parts = {f"{place} {part}": found for place, name in enumerate(keys) for part, found in _parts(keys[name]).items()}
    alike = pd.DataFrame(parts, index=keys.index)
    columns = [pd.util.hash_pandas_object(alike, index=False, hash_key=key).to_numpy() for key in _KEYS]
    return np.stack(columns, axis=1)


def _parts(values: pd.Series) -> dict[str, Any]:
    """What is hashed of a column: the same for the same value, whatever chunk it stands in.

    A chunk of integers is of doubles where another chunk has a null, so that numbers are hashed as doubles; and by what
    a double leaves out of a long integer.
    """
    import numpy as np

    if values.dtype.kind not in "fiub":
        return {"": values}
    doubles = values.astype("float64") + 0.0
    rest = np.zeros(len(values))
    if values.dtype.kind in "iu":
        exact = values.fillna(0).to_numpy(dtype="int64")
        with np.errstate(invalid="ignore"):  # the double of the largest integers lies beyond them all
            rest = (exact - exact.astype("float64").astype("int64")).astype("float64")
    return {"": doubles, "rest": rest}


def _counted(keys: pd.DataFrame, expectation: Expectation) -> npt.NDArray[np.bool_]:
    import numpy as np

    rule = expectation.arguments.get("ignore_row_if", "all_values_are_missing")
    known = keys.notna()
    if rule == "never":
        return np.ones(len(keys), dtype=np.bool_)
    judged = known.all(axis=1) if rule == "any_value_is_missing" else known.any(axis=1)
    return judged.to_numpy(dtype=np.bool_)


def _repeats(hashes: npt.NDArray[np.uint64], counted: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """The later rows of each kind: rows are compared only where another one has the same first hash, mostly none."""
    import numpy as np
    import pandas as pd

    ordered = np.sort(hashes[counted, 0])
    twice = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    del ordered
    if not len(twice):
        return np.empty(0, dtype=np.int64)
    nearest = np.minimum(np.searchsorted(twice, hashes[:, 0]), len(twice) - 1)
    suspects = np.flatnonzero(counted & (twice[nearest] == hashes[:, 0]))
    repeated = pd.DataFrame(hashes[suspects]).duplicated().to_numpy()
    late: npt.NDArray[np.int64] = suspects[repeated].astype(np.int64)
    return late


def _pairs(
    hashes: npt.NDArray[np.uint64], counted: npt.NDArray[np.bool_], repeats: npt.NDArray[np.int64]
) -> list[tuple[int, int]]:
    same = [(int(late), (hashes == hashes[late]).all(axis=1) & counted) for late in repeats]
    return [(late, int(mask.argmax())) for late, mask in same]
