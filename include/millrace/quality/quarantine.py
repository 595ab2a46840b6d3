"""Splits a table into the rows that passed and the rows set aside with their reasons, a frame at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from millrace.quality.messages import subject
from millrace.quality.outcome import Outcome, Table

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

REASON, ROW = "_reason", "_row"


class Quarantined:
    """The rows that failed an expectation with `on_failure: quarantine`, by their positions."""

    def __init__(self, outcomes: Sequence[Outcome]) -> None:
        import numpy as np

        self._rules = [
            (f"{subject(outcome.expectation)}: {outcome.result.expect}", outcome.positions)
            for outcome in outcomes
            if not outcome.result.success and outcome.result.on_failure == "quarantine"
        ]
        parts = [positions for _, positions in self._rules]
        self.positions: npt.NDArray[np.int64] = np.unique(np.concatenate(parts)) if parts else np.empty(0, np.int64)

    def __len__(self) -> int:
        return len(self.positions)

    def accepted(self, table: Table, chunk_rows: int) -> Iterator[pd.DataFrame]:
        """The rows that passed, in order."""
        import numpy as np

        for start, frame in _numbered(table, chunk_rows):
            good = np.ones(len(frame), dtype=np.bool_)
            good[self._within(start, start + len(frame)) - start] = False
            yield frame.loc[good].reset_index(drop=True)

    def set_aside(self, table: Table, chunk_rows: int) -> Iterator[pd.DataFrame]:
        """The rows that did not, with the rules that they broke and their row numbers (from 1)."""
        for start, frame in _numbered(table, chunk_rows):
            positions = self._within(start, start + len(frame))
            bad = frame.iloc[positions - start].reset_index(drop=True)
            bad[REASON], bad[ROW] = self._reasons(positions), positions + 1
            yield bad

    def _within(self, start: int, stop: int) -> npt.NDArray[np.int64]:
        first, last = self.positions.searchsorted([start, stop])
        return self.positions[first:last]

    def _reasons(self, positions: npt.NDArray[np.int64]) -> pd.Series:
        import numpy as np
        import pandas as pd

        broken = [(name, np.isin(positions, failed)) for name, failed in self._rules]
        texts = ["; ".join(name for name, mask in broken if mask[index]) for index in range(len(positions))]
        return pd.Series(texts, dtype=object)


def _numbered(table: Table, chunk_rows: int) -> Iterator[tuple[int, pd.DataFrame]]:
    start = 0
    for frame in table.frames(chunk_rows, None):
        yield start, frame.set_axis(range(len(frame)), axis="index")
        start += len(frame)
