"""Reads the table that models learn from, within the spec's `training.max_rows`: whole, sampled, or its newest rows.

The rows follow from the dataset and the spec alone, so that every stage reads the same ones. A larger table is
streamed: only the kept rows, and for `recent` one column, are ever in memory.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from millrace.errors import TrainingError, did_you_mean
from millrace.spec.models import PipelineSpec
from millrace.stores.base import Dataset

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

CHUNK_ROWS = 100_000


def limited_frame(dataset: Dataset, spec: PipelineSpec, warn: Callable[[str], None]) -> pd.DataFrame:
    """The table, or the rows of it that `training.beyond` leaves, with a warning that says so.

    Raises TrainingError where the table is too large and the spec says `fail`.
    """
    rows, limit = dataset.ref.rows, spec.training.max_rows
    if rows <= limit:
        return dataset.frame()
    kept, manner = _CHOICES[spec.training.beyond](dataset, spec)
    warn(f"The table has {rows:,} rows; {manner} {limit:,} are learnt from (training.beyond: {spec.training.beyond}).")
    return _streamed(dataset, kept)


def sample_of(rows: int, count: int, seed: int) -> npt.NDArray[np.bool_]:
    """Which of `rows` rows belong to a seeded sample of `count`."""
    kept = np.zeros(rows, dtype=bool)
    kept[np.random.default_rng(seed).choice(rows, count, replace=False, shuffle=False)] = True
    return kept


def _refused(dataset: Dataset, spec: PipelineSpec) -> tuple[npt.NDArray[np.bool_], str]:
    raise TrainingError(
        f"The table has {dataset.ref.rows:,} rows, more than the {spec.training.max_rows:,} of training.max_rows.",
        hint="Write training: {beyond: sample} or {beyond: recent}, or a max_rows that fits the memory.",
    )


def _sampled(dataset: Dataset, spec: PipelineSpec) -> tuple[npt.NDArray[np.bool_], str]:
    return sample_of(dataset.ref.rows, spec.training.max_rows, spec.training.seed), "a seeded sample of"


def _newest(dataset: Dataset, spec: PipelineSpec) -> tuple[npt.NDArray[np.bool_], str]:
    """Of rows of one time the later ones in the table; rows without a time are older than all others."""
    column = str(spec.time_column)
    if column not in dataset.ref.columns:
        raise TrainingError(
            f"The column '{column}' (training.beyond: recent) is not in the transformed table.",
            hint=did_you_mean(column, dataset.ref.columns),
        )
    times = _ordered(dataset.frame([column])[column])
    kept = np.zeros(dataset.ref.rows, dtype=bool)
    kept[np.argsort(times, kind="stable")[-spec.training.max_rows :]] = True
    return kept, f"the newest by '{column}',"


def _ordered(column: pd.Series[Any]) -> npt.NDArray[Any]:
    from millrace.stages.material.training_table import time_values

    times = time_values(column)
    if times.dtype.kind == "M":
        return times.astype("int64")  # a missing time is the smallest number
    return np.where(np.isnan(times), -np.inf, times)


def _streamed(dataset: Dataset, kept: npt.NDArray[np.bool_]) -> pd.DataFrame:
    import pandas as pd

    parts, start = [], 0
    for frame in dataset.frames(CHUNK_ROWS):
        parts.append(frame.loc[kept[start : start + len(frame)]])
        start += len(frame)
    return pd.concat(parts, ignore_index=True)


_CHOICES: dict[str, Callable[[Dataset, PipelineSpec], tuple[npt.NDArray[np.bool_], str]]] = {
    "fail": _refused,
    "sample": _sampled,
    "recent": _newest,
}
