"""The rows that could not be scored, with the reasons: one JSON object a line, until somebody takes the file."""

from __future__ import annotations

import json
import tempfile
from itertools import groupby
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from millrace.inputs.frame import Problem

if TYPE_CHECKING:
    import pandas as pd

FILE = "rejects.jsonl"


class Rejects:
    """Gathers rejects in a temporary folder. Use it as a context manager: it removes its folder."""

    def __init__(self) -> None:
        self.rows = 0
        self.first: Problem | None = None
        self._folder = tempfile.TemporaryDirectory(prefix="millrace-rejects-")
        self.path = Path(self._folder.name) / FILE

    def __enter__(self) -> Rejects:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._folder.cleanup()

    def add(self, frame: pd.DataFrame, problems: list[Problem], first_row: int) -> None:
        """Keep the rows that these problems are about; `problems` are in the order of the rows."""
        self.first = self.first or problems[0]
        told = {row: list(found) for row, found in groupby(problems, key=lambda problem: problem.row)}
        rows = frame.iloc[[row - first_row for row in told]]
        documents = json.loads(rows.to_json(orient="records", date_format="iso", date_unit="us", double_precision=15))
        with self.path.open("a", encoding="utf-8") as file:
            for (row, found), values in zip(told.items(), documents, strict=True):
                reasons = [{"field": one.field, "problem": one.problem} for one in found]
                file.write(json.dumps({"row": row, "problems": reasons, "values": values}, ensure_ascii=False) + "\n")
        self.rows += len(told)
