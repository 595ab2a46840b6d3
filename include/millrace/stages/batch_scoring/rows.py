"""Scores a table chunk by chunk: the same checks of each row as online, the answers beside the columns carried along.

Memory holds one chunk. Rows that do not fit end the scoring, or are set aside for a file of rejects.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from millrace.errors import DataError, did_you_mean
from millrace.inputs.frame import Problem, check_columns, decode_frame
from millrace.spec.score import OnBadRows
from millrace.stages.batch_scoring.model import ScoringModel
from millrace.stages.batch_scoring.rejects import Rejects

if TYPE_CHECKING:
    import pandas as pd

Array: TypeAlias = "npt.NDArray[Any]"
CHUNK_ROWS = 50_000


@dataclass
class Scoring:
    """One scoring of a table. The counts are complete when `frames` is exhausted."""

    model: ScoringModel
    rejects: Rejects
    on_bad_rows: OnBadRows = "fail"
    keep: list[str] | None = None
    probabilities: bool = False
    written: bool = False
    """Whether the table comes from a format that knows text only."""
    read: int = 0
    scored: int = 0
    _kept: list[str] | None = field(default=None, init=False)

    def frames(self, tables: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        """The answers to these frames. Raises DataError for rows that do not fit, or where no row fits."""
        for table in tables:
            for start in range(0, max(len(table), 1), CHUNK_ROWS):
                yield self._answered(table.iloc[start : start + CHUNK_ROWS])
        if self.read and not self.scored:
            raise DataError(
                f"None of {self.read:,} rows fits the model {self.model.version.uri}.",
                hint=f"The first: {self.rejects.first}" if self.rejects.first else None,
            )

    def _answered(self, frame: pd.DataFrame) -> pd.DataFrame:
        if self._kept is None:
            self._kept = self._columns_to_keep([str(name) for name in frame.columns])
        decoded = decode_frame(frame, self.model.signature, self.read, written=self.written)
        good = self._good(frame, decoded.problems)
        columns = decoded.columns if good is None else {name: values[good] for name, values in decoded.columns.items()}
        kept = frame[self._kept] if good is None else frame[self._kept][good]
        answers = self._asked(columns, kept, good)
        self.read += len(frame)
        self.scored += len(kept)
        return self._table(kept, answers)

    def _good(self, frame: pd.DataFrame, problems: list[Problem]) -> Array | None:
        """Which rows fit; None where all do."""
        if not problems:
            return None
        if self.on_bad_rows == "fail":
            _refuse(problems)
        good = np.ones(len(frame), dtype=bool)
        good[[problem.row - self.read for problem in problems]] = False
        self.rejects.add(frame, problems, self.read)
        return good

    def _asked(self, columns: dict[str, Array], kept: pd.DataFrame, good: Array | None) -> dict[str, Array]:
        answers = self.model.answer(columns, probabilities=self.probabilities)
        for name, values in answers.items():
            if values.dtype.kind == "f" and not np.isfinite(values).all():
                place = int(np.flatnonzero(~np.isfinite(values))[0])
                row = self.read + (place if good is None else int(np.flatnonzero(good)[place]))
                raise DataError(
                    f"Row {row} (counted from 0): the model answers with no finite number ({name}).",
                    hint="Look at its inputs: they may lie far outside of what it was trained on.",
                )
        return answers

    def _columns_to_keep(self, names: list[str]) -> list[str]:
        check_columns(names, self.model.signature)
        inputs = {field.name for field in self.model.signature.fields}
        kept = [name for name in names if name not in inputs] if self.keep is None else self.keep
        for name in kept:
            if name not in names:
                raise DataError(
                    f"The column '{name}', which is to be kept, is not there.", hint=did_you_mean(name, names)
                )
        return kept

    def _table(self, kept: pd.DataFrame, answers: dict[str, Array]) -> pd.DataFrame:
        import pandas as pd

        added = {**answers, "model": self.model.version.name, "model_version": self.model.version.version}
        taken = [name for name in added if name in kept.columns]
        if taken:
            raise DataError(
                f"The table has a column '{taken[0]}' already, where the answer is to go.",
                hint="Name the columns to keep without it.",
            )
        return pd.concat([kept.reset_index(drop=True), pd.DataFrame(added, index=range(len(kept)))], axis=1)


def _refuse(problems: list[Problem]) -> None:
    listed = [{"row": one.row, "field": one.field, "problem": one.problem} for one in problems[:20]]
    raise DataError(
        str(problems[0]),
        hint="Mend the table, or set bad rows aside: on_bad_rows: skip.",
        details={"errors": json.loads(json.dumps(listed, default=str))},
    )
