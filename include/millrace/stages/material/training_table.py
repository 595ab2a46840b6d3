"""Makes the table that models learn from: inputs, target, times and groups, without the rows that teach nothing.

It refuses what cannot be learnt from, in one sentence each; it does not choose rows for training or testing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from millrace.errors import TrainingError, did_you_mean
from millrace.spec.models import PipelineSpec

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

MIN_ROWS = 20


@dataclass(frozen=True)
class TrainingTable:
    """Rows to learn from. `target` is None for a clustering, two-dimensional for several targets."""

    inputs: pd.DataFrame
    target: npt.NDArray[Any] | None
    times: npt.NDArray[Any] | None
    groups: npt.NDArray[Any] | None
    dropped: int

    def __len__(self) -> int:
        return len(self.inputs)

    def part(self, rows: npt.NDArray[Any]) -> tuple[pd.DataFrame, npt.NDArray[Any] | None]:
        """Inputs and target of these rows."""
        return self.inputs.iloc[rows], None if self.target is None else self.target[rows]


def training_table(frame: pd.DataFrame, spec: PipelineSpec, warn: Callable[[str], None]) -> TrainingTable:
    """The rows of the transformed table that have a target and, where rows are split by time, a time.

    Raises TrainingError.
    """
    _refuse_absent_columns(frame, spec)
    kept = _rows_with_target(frame, spec.targets, warn)
    kept = _rows_with_time(kept, spec, warn)
    if len(kept) < MIN_ROWS:
        raise TrainingError(
            f"Only {len(kept)} of {len(frame)} rows can be learnt from.",
            hint=f"At least {MIN_ROWS} are needed; widen the data interval or the filters.",
        )
    split = spec.splitting
    group = split.column if split.by == "group" else None
    inputs = kept.drop(columns=[*spec.targets, *([group] if group else [])]).reset_index(drop=True)
    if inputs.columns.empty:
        raise TrainingError("The table has no column beside the target.", hint="Add columns to the source.")
    _refuse_infinite(inputs)
    return TrainingTable(
        inputs=inputs,
        target=_target(kept, spec, warn),
        times=time_values(kept[spec.time_column]) if split.by == "time" else None,
        groups=kept[group].astype(str).to_numpy() if group else None,
        dropped=len(frame) - len(kept),
    )


def _refuse_absent_columns(frame: pd.DataFrame, spec: PipelineSpec) -> None:
    split = spec.splitting
    needed = [("target", name) for name in spec.targets]
    needed += [(f"split.by: {split.by}", str(spec.time_column if split.by == "time" else split.column))]
    for role, name in needed if split.by != "random" else needed[:-1]:
        if name not in frame.columns:
            raise TrainingError(
                f"The column '{name}' ({role}) is not in the transformed table.",
                hint=did_you_mean(name, map(str, frame.columns)),
            )


def _rows_with_target(frame: pd.DataFrame, targets: list[str], warn: Callable[[str], None]) -> pd.DataFrame:
    for name in targets:
        if not frame[name].notna().any():
            raise TrainingError(
                f"The target '{name}' is empty in all {len(frame)} rows.",
                hint="Check the source's na_values and the transform steps.",
            )
    kept = frame.dropna(subset=targets) if targets else frame
    if len(kept) < len(frame):
        warn(f"{len(frame) - len(kept)} of {len(frame)} rows have no {' or '.join(targets)} and are left out.")
    return kept


def _rows_with_time(frame: pd.DataFrame, spec: PipelineSpec, warn: Callable[[str], None]) -> pd.DataFrame:
    if spec.splitting.by != "time":
        return frame
    kept = frame.dropna(subset=[spec.time_column])
    if len(kept) < len(frame):
        warn(f"{len(frame) - len(kept)} rows have no '{spec.time_column}' to order them by and are left out.")
    return kept


def _refuse_infinite(inputs: pd.DataFrame) -> None:
    for name in inputs.select_dtypes("float").columns:
        infinite = int(np.isinf(inputs[name].to_numpy(dtype="float64", na_value=np.nan)).sum())
        if infinite:
            raise TrainingError(
                f"The column '{name}' has {infinite} infinite values.",
                hint="Remove them with a 'clip' or 'filter' step in 'transform'.",
            )


def time_values(column: pd.Series[Any]) -> npt.NDArray[Any]:
    """The column that orders rows, as times (UTC) or numbers; texts are read as ISO 8601. Raises TrainingError."""
    import pandas as pd

    if pd.api.types.is_numeric_dtype(column):
        return column.to_numpy(dtype="float64", na_value=np.nan) if column.hasnans else column.to_numpy()
    try:
        times = pd.to_datetime(column, utc=True, format="ISO8601")
        return times.dt.tz_localize(None).to_numpy(dtype="datetime64[ns]")
    except (ValueError, TypeError) as error:
        raise TrainingError(
            f"The column '{column.name}' cannot order the rows in time: it holds texts such as {column.iloc[0]!r}.",
            hint="Make a time of it with source.timestamp, or split.by: random.",
        ) from error


def _target(frame: pd.DataFrame, spec: PipelineSpec, warn: Callable[[str], None]) -> npt.NDArray[Any] | None:
    if spec.task == "clustering":
        return None
    if spec.task == "classification":
        return _labels(frame[spec.targets[0]])
    columns = [_numbers(frame[name]) for name in spec.targets]
    for name, values in zip(spec.targets, columns, strict=True):
        _tell_of_zeros(name, values, warn)
    return columns[0] if len(columns) == 1 else np.column_stack(columns)


def _tell_of_zeros(name: str, values: npt.NDArray[Any], warn: Callable[[str], None]) -> None:
    if zeros := int((values == 0).sum()):
        warn(
            f"The target '{name}' is 0 in {zeros:,} of {len(values):,} rows: such rows have no mape, so read wape. "
            "Filter them out if 0 means that the value is not known."
        )


def _numbers(column: pd.Series[Any]) -> npt.NDArray[Any]:
    import pandas as pd

    numbers = pd.to_numeric(column, errors="coerce")
    if pd.api.types.is_datetime64_any_dtype(column) or numbers.isna().any():
        wrong = column[numbers.isna()].iloc[0] if numbers.isna().any() else column.iloc[0]
        raise TrainingError(
            f"The target '{column.name}' of a regression must be a number, but holds {wrong!r}.",
            hint="Cast it in 'transform', or choose task: classification.",
        )
    values = numbers.to_numpy(dtype="float64")
    if np.isinf(values).any():
        raise TrainingError(
            f"The target '{column.name}' has {int(np.isinf(values).sum())} infinite values.",
            hint="Remove them with a 'filter' step in 'transform'.",
        )
    return values


def _labels(column: pd.Series[Any]) -> npt.NDArray[Any]:
    labels = _typed_labels(column)
    counts = dict(zip(*np.unique(labels, return_counts=True), strict=True))
    if len(counts) == 1:
        raise TrainingError(
            f"The target '{column.name}' has one class only, {next(iter(counts))!s}, in all {len(labels)} rows.",
            hint="A classification needs two; check the filters, or choose another target.",
        )
    if len(counts) > max(2, len(labels) // 2):
        raise TrainingError(
            f"The target '{column.name}' has {len(counts)} classes in {len(labels)} rows.",
            hint="Choose task: regression for a number, or a target with repeated values.",
        )
    return labels


def _typed_labels(column: pd.Series[Any]) -> npt.NDArray[Any]:
    """Labels in their own type: a null among whole numbers must not have made floats of them."""
    from pandas.api import types

    if types.is_bool_dtype(column) or types.infer_dtype(column) == "boolean":
        return column.to_numpy(dtype=bool)
    if types.is_numeric_dtype(column):
        values = column.to_numpy(dtype="float64")
        whole = bool((values == np.floor(values)).all())
        return values.astype("int64") if whole else values.astype(str).astype(object)
    return column.astype(str).to_numpy(dtype=object)
