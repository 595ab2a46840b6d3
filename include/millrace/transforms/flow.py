"""Runs steps over a table that comes in parts: row-wise steps part by part, the others over the whole table.

Between two steps all parts have the same types, those that the whole table would have: where a step makes values, the
parts rest on disk until the last of them is known. So the outcome does not depend on how the table was cut. How much
of a table may be held as a whole is for the caller to say (`Room`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from millrace.errors import MillraceError, TransformError
from millrace.tables.pandas_types import frame_of
from millrace.tables.spool import Spool, spooled
from millrace.transforms.base import TransformContext, TransformStep

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    Frames: TypeAlias = Iterator[pd.DataFrame]
    Kept: TypeAlias = npt.NDArray[np.bool_] | None
    Room: TypeAlias = Callable[[TransformStep, int, int], Kept]
    """Given a step that needs the whole table, its rows and bytes: which rows it may have (None: all), or an error."""


@dataclass
class Done:
    """What one step left, and how long it took."""

    step: str
    rows: int = 0
    columns: int = 0
    seconds: float = 0.0


class Flow:
    """One passage of a table through steps. `done` is complete when `frames` is exhausted."""

    def __init__(self, steps: list[TransformStep], context: TransformContext, room: Room) -> None:
        self._steps = steps
        self._context = context
        self._room = room
        self.done = [Done(step.step) for step in steps]

    def frames(self, frames: Frames) -> Frames:
        """The transformed table in parts; one empty part where no row is left. Raises TransformError."""
        in_parts = True  # until a step needs the whole table: what it makes is one frame, which goes on as it is
        for step, done in zip(self._steps, self.done, strict=True):
            if step.is_row_wise():
                frames = self._part_by_part(step, done, frames)
                frames = _of_one_kind(step, frames) if in_parts and not step.only_selects else frames
            else:
                whole = self._joined(step, frames) if in_parts else self._again(step, frames)
                frames, in_parts = self._as_a_whole(step, done, whole), False
        return frames

    def _part_by_part(self, step: TransformStep, done: Done, frames: Frames) -> Frames:
        empty, seen = None, 0
        for frame in frames:
            self._context.first_row = seen
            result = self._applied(step, done, frame)
            seen += len(frame)
            if len(result):
                yield result
            else:
                empty = result
        if done.rows == 0 and empty is not None:
            yield empty

    def _joined(self, step: TransformStep, frames: Frames) -> Frames:
        """The whole table, or those of its rows for which there is room."""
        with _spooled(step, frames) as spool:
            table = _whole(spool, self._room(step, spool.rows, spool.bytes))
        yield table

    def _again(self, step: TransformStep, frames: Frames) -> Frames:
        """The same of a table that is one frame already, which steps may have made larger."""
        table = next(frames)
        kept = self._room(step, len(table), int(table.memory_usage(index=False).sum()))
        yield table if kept is None else table.loc[kept].reset_index(drop=True)

    def _as_a_whole(self, step: TransformStep, done: Done, frames: Frames) -> Frames:
        table = next(frames)
        self._context.first_row = 0
        yield self._applied(step, done, table)

    def _applied(self, step: TransformStep, done: Done, table: pd.DataFrame) -> pd.DataFrame:
        """The table after one step. What pandas raises becomes a sentence that names the step."""
        started = time.perf_counter()
        try:
            result = step.apply(table, self._context).reset_index(drop=True)
        except (MillraceError, OSError, MemoryError):
            raise
        except Exception as error:
            lines = str(error).strip().splitlines()
            raise TransformError(
                f"Transform step '{step.step}' failed: {type(error).__name__}: {lines[0] if lines else 'no message'}.",
                hint="Check that its options suit the types of its columns.",
            ) from error
        done.seconds += time.perf_counter() - started
        done.rows, done.columns = done.rows + len(result), result.shape[1]
        return result


def _of_one_kind(step: TransformStep, frames: Frames) -> Frames:
    """The same parts, their types those of the whole table."""
    with _spooled(step, frames) as spool:
        yield from spool.frames(nullable=True)


def _spooled(step: TransformStep, frames: Frames) -> AbstractContextManager[Spool]:
    def of_two_kinds(column: str, value: Any, other: Any) -> TransformError:
        return TransformError(
            f"Transform step '{step.step}': the column '{column}' holds {value!r} and {other!r}, "
            "which are of two kinds.",
            hint="Cast the column to one type.",
        )

    return spooled(frames, of_two_kinds)


def _whole(spool: Spool, kept: Kept) -> pd.DataFrame:
    import pandas as pd
    import pyarrow as pa

    if kept is None:
        return frame_of(pa.concat_tables(spool.tables()), spool.known, nullable=True)
    parts, start = [], 0
    for part in spool.frames(nullable=True):
        parts.append(part.loc[kept[start : start + len(part)]])
        start += len(part)
    return pd.concat(parts, ignore_index=True)
