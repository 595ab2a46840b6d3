"""Judges a table by its expectations, in bounded memory, and says exactly which rows failed.

Expectations about single rows are judged in chunks and put together; those that must see a whole column get that
column alone; uniqueness is computed over hashes. Positions count from 0 over the whole table, messages from 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from millrace.quality.base import Expectation
from millrace.quality.messages import observed_message, rows_message
from millrace.quality.outcome import EXAMPLES, Outcome, Table, counted_raw, outcome
from millrace.quality.prechecks import unanswerable
from millrace.quality.uniqueness import judge_uniqueness

if TYPE_CHECKING:
    import pandas as pd

CHUNK_ROWS = 500_000
CHUNK_CELLS = 10_000_000
Indexed = list[tuple[int, Expectation]]


def chunk_rows_for(table: Table) -> int:
    """How many rows of this table a chunk may have: fewer where it is wide."""
    return max(1_000, min(CHUNK_ROWS, CHUNK_CELLS // max(len(table.columns), 1)))


def run_expectations(expectations: Sequence[Expectation], table: Table, chunk_rows: int | None = None) -> list[Outcome]:
    """One outcome for each expectation, in order. Raises ValidationToolError when the tool itself fails."""
    chunk_rows = chunk_rows or chunk_rows_for(table)
    outcomes: dict[int, Outcome] = {}
    by_scope: dict[str, Indexed] = {}
    for index, expectation in enumerate(expectations):
        refused = unanswerable(expectation, table, chunk_rows)
        if refused is not None:
            outcomes[index] = refused
        else:
            by_scope.setdefault(expectation.known.scope, []).append((index, expectation))
    for scope, indexed in by_scope.items():
        judged = _JUDGES[scope]([expectation for _, expectation in indexed], table, chunk_rows)
        outcomes.update({index: one for (index, _), one in zip(indexed, judged, strict=True)})
    return [outcomes[index] for index in range(len(expectations))]


@dataclass
class _Tally:
    """What the chunks have said so far about one expectation."""

    elements: int = 0
    missing: int = 0
    unexpected: int = 0
    unanimous: bool = True
    positions: list[Any] = field(default_factory=list)
    examples: list[tuple[int, Any]] = field(default_factory=list)
    last: dict[str, Any] = field(default_factory=dict)

    def add(self, judged: dict[str, Any]) -> None:
        import numpy as np

        self.last, self.unanimous = judged["result"], self.unanimous and judged["success"]
        self.elements += int(self.last.get("element_count") or 0)
        self.missing += int(self.last.get("missing_count") or 0)
        self.unexpected += int(self.last.get("unexpected_count") or 0)
        labels = self.last.get("unexpected_index_list") or []
        self.positions.append(np.asarray(labels, dtype=np.int64))
        room = EXAMPLES - len(self.examples)
        cases = zip(labels, self.last.get("unexpected_list") or [], strict=False)
        self.examples += [(int(label), value) for (label, value), _ in zip(cases, range(room), strict=False)]

    def outcome(self, expectation: Expectation, table: Table) -> Outcome:
        import numpy as np

        if "unexpected_count" not in self.last and self.last:  # a column's declared type, judged as a whole
            message = observed_message(expectation, self.unanimous, self.last)
            return outcome(expectation, success=self.unanimous, message=message, rows=table.rows, raw=self.last)
        considered = self.elements - self.missing
        message = rows_message(expectation, self.unexpected, table.rows, self.examples)
        return outcome(
            expectation,
            success=not considered or 1 - self.unexpected / considered >= expectation.mostly,
            message=message,
            rows=table.rows,
            positions=np.sort(np.concatenate(self.positions)) if self.positions else None,
            unexpected=self.unexpected,
            considered=considered,
            examples=self.examples,
            raw=counted_raw(self.elements, self.missing, self.unexpected, self.examples),
        )


def _judge_rows(expectations: list[Expectation], table: Table, chunk_rows: int) -> list[Outcome]:
    from millrace.quality.engine import Engine

    engine = Engine(expectations, table.columns)
    tallies = [_Tally() for _ in expectations]
    columns = list(dict.fromkeys(column for expectation in expectations for column in expectation.columns))
    start = 0
    for frame in table.frames(chunk_rows, columns):
        for tally, judged in zip(tallies, engine.judge(_numbered(frame, start)), strict=True):
            tally.add(judged)
        start += len(frame)
    return [tally.outcome(expectation, table) for tally, expectation in zip(tallies, expectations, strict=True)]


def _judge_series(expectations: list[Expectation], table: Table, chunk_rows: int) -> list[Outcome]:
    return [_judge_rows([expectation], table, max(table.rows, 1))[0] for expectation in expectations]


def _judge_columns(expectations: list[Expectation], table: Table, chunk_rows: int) -> list[Outcome]:
    """Expectations about a column as a whole, one column in memory at a time."""
    from millrace.quality.engine import Engine

    judged: dict[int, Outcome] = {}
    for column in dict.fromkeys(expectation.columns[0] for expectation in expectations):
        own = [(i, expectation) for i, expectation in enumerate(expectations) if expectation.columns[0] == column]
        engine = Engine([expectation for _, expectation in own], table.columns)
        raws = engine.judge(table.series([column], chunk_rows))
        judged.update({i: _observed(expectation, raw, table) for (i, expectation), raw in zip(own, raws, strict=True)})
    return [judged[i] for i in range(len(expectations))]


def _judge_table(expectations: list[Expectation], table: Table, chunk_rows: int) -> list[Outcome]:
    """Expectations about the columns: any one row of the table shows them."""
    import pandas as pd

    from millrace.quality.engine import Engine

    engine = Engine(expectations, table.columns)
    head = next(iter(table.frames(1, None)), pd.DataFrame(columns=list(table.columns)))
    return [
        _observed(expectation, raw, table) for expectation, raw in zip(expectations, engine.judge(head), strict=True)
    ]


def _judge_counts(expectations: list[Expectation], table: Table, chunk_rows: int) -> list[Outcome]:
    """Expectations about the number of rows, which is known without reading one."""
    outcomes = []
    for expectation in expectations:
        success = _within(table.rows, expectation.arguments)
        raw = {"observed_value": table.rows}
        message = observed_message(expectation, success, raw)
        outcomes.append(outcome(expectation, success=success, message=message, rows=table.rows, raw=raw))
    return outcomes


def _within(rows: int, arguments: dict[str, Any]) -> bool:
    if "value" in arguments:
        return bool(rows == arguments["value"])
    low, high = arguments.get("min_value"), arguments.get("max_value")
    above = low is None or rows > low or (rows == low and not arguments.get("strict_min"))
    below = high is None or rows < high or (rows == high and not arguments.get("strict_max"))
    return bool(above and below)


def _observed(expectation: Expectation, judged: dict[str, Any], table: Table) -> Outcome:
    result = judged["result"]
    message = observed_message(expectation, judged["success"], result)
    return outcome(expectation, success=judged["success"], message=message, rows=table.rows, raw=result)


def _numbered(frame: pd.DataFrame, start: int) -> pd.DataFrame:
    import pandas as pd

    return frame.set_axis(pd.RangeIndex(start, start + len(frame)), axis="index")


def _judge_unique(expectations: list[Expectation], table: Table, chunk_rows: int) -> list[Outcome]:
    return [judge_uniqueness(expectation, table, chunk_rows) for expectation in expectations]


_JUDGES: dict[str, Callable[[list[Expectation], Table, int], list[Outcome]]] = {
    "rows": _judge_rows,
    "series": _judge_series,
    "unique": _judge_unique,
    "column": _judge_columns,
    "table": _judge_table,
    "count": _judge_counts,
}
