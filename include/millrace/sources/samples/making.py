"""Makes sample tables block by block, so that a row depends on the seed and its number alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import TypeAlias, cast

import numpy as np
import pandas as pd

BLOCK_ROWS = 65_536
Block: TypeAlias = "Callable[[np.random.Generator, int, int], pd.DataFrame]"
"""Makes `rows` rows from row `first` on, with this generator."""


def made(name: str, rows: int, seed: int, chunk_rows: int) -> Iterator[pd.DataFrame]:
    """Yield the first `rows` rows of a synthetic table in frames of at most `chunk_rows` rows."""
    waiting: list[pd.DataFrame] = []
    held = 0
    for block in _blocks(name, rows, seed):
        waiting.append(block)
        held += len(block)
        if held >= chunk_rows:
            joined = pd.concat(waiting, ignore_index=True) if len(waiting) > 1 else block
            whole = held - held % chunk_rows
            yield from _cut(joined.iloc[:whole], chunk_rows)
            waiting, held = [joined.iloc[whole:]], held - whole
    if held:
        yield pd.concat(waiting, ignore_index=True)


def _cut(frame: pd.DataFrame, rows: int) -> Iterator[pd.DataFrame]:
    for start in range(0, len(frame), rows):
        yield frame.iloc[start : start + rows]


def _blocks(name: str, rows: int, seed: int) -> Iterator[pd.DataFrame]:
    block = cast("Block", import_module(f"millrace.sources.samples.{name}").block)
    for number, first in enumerate(range(0, rows, BLOCK_ROWS)):
        rng = np.random.default_rng([seed, number])
        # A block is always made whole, so that a longer table begins like a shorter one.
        yield block(rng, first, BLOCK_ROWS).iloc[: rows - first]


def real_table(name: str) -> pd.DataFrame:
    """A real table of scikit-learn; a class stands under its name."""
    from sklearn import datasets

    bunch = getattr(datasets, f"load_{name.removeprefix('sklearn/')}")(as_frame=True)
    table: pd.DataFrame = bunch.frame.copy()
    if "target_names" in bunch and name != "sklearn/digits":
        table["target"] = np.asarray(bunch.target_names, dtype=object)[bunch.target.to_numpy()]
    return table
