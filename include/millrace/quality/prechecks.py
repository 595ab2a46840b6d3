"""Finds the expectations that cannot be asked of this table at all: a column is missing, or holds another kind.

Such an expectation has failed, and says why; the tool is not asked, for it would raise an exception instead.
"""

from __future__ import annotations

from typing import Any

from millrace.errors import did_you_mean
from millrace.quality.base import Expectation
from millrace.quality.outcome import EXAMPLES, Outcome, Table, outcome

_NUMBERS = ("int", "uint", "float", "double", "halffloat", "decimal", "bool")
_KINDS = {"numbers": _NUMBERS, "text": ("string", "large_string"), "times": ("timestamp", "date", "time")}
_WORDS = {"numbers": "numbers", "text": "text", "times": "times", "other": "values of another kind"}


def unanswerable(expectation: Expectation, table: Table, chunk_rows: int) -> Outcome | None:
    """The failed outcome of an expectation that cannot be asked of the table; None when it can."""
    for column in expectation.columns:
        if column not in table.columns:
            message = f"{column}: the table has no such column. {did_you_mean(column, table.columns)}"
            return outcome(expectation, success=False, message=message, rows=table.rows)
    for column in expectation.columns:
        found, wanted = kind_of(table.columns[column]), _wanted(expectation)
        if wanted is not None and found not in {wanted, "null"} and not _suits(expectation, found):
            return _another_kind(expectation, table, column, found, wanted, chunk_rows)
    return None


def kind_of(arrow_type: str) -> str:
    """numbers, text, times, null or other."""
    if arrow_type == "null":
        return "null"
    return next((kind for kind, starts in _KINDS.items() if arrow_type.startswith(starts)), "other")


def _wanted(expectation: Expectation) -> str | None:
    holds = expectation.known.holds
    if holds != "bounded":
        return None if holds == "any" else holds
    bounds = [expectation.arguments.get(name) for name in ("min_value", "max_value")]
    numbers = [isinstance(bound, int | float) for bound in bounds if bound is not None]
    return "numbers" if all(numbers) else None if any(numbers) else "times"


def _suits(expectation: Expectation, found: str) -> bool:
    """Order is a question to times too; text can be compared with a bound that is text."""
    if expectation.expect in {"expect_column_values_to_be_increasing", "expect_column_values_to_be_decreasing"}:
        return found == "times"
    textual = isinstance(expectation.arguments.get("min_value", ""), str)
    return expectation.known.holds == "bounded" and found == "text" and textual and _no_number(expectation)


def _no_number(expectation: Expectation) -> bool:
    return not any(isinstance(expectation.arguments.get(name), int | float) for name in ("min_value", "max_value"))


def _another_kind(
    expectation: Expectation, table: Table, column: str, found: str, wanted: str, chunk_rows: int
) -> Outcome:
    examples = _not_numbers(table, column, chunk_rows) if (wanted, found) == ("numbers", "text") else []
    cases = ", ".join(f"{value!r} in row {position + 1:,}" for position, value in examples)
    message = (
        f"{column}: the column holds {_WORDS[found]}, not {_WORDS[wanted]}{f' (e.g. {cases})' if cases else ''}, "
        f"so {expectation.expect} cannot hold."
    )
    return outcome(expectation, success=False, message=message, rows=table.rows, examples=examples)


def _not_numbers(table: Table, column: str, chunk_rows: int) -> list[tuple[int, Any]]:
    import pandas as pd

    start = 0
    for frame in table.frames(chunk_rows, [column]):
        bad = pd.to_numeric(frame[column], errors="coerce").isna() & frame[column].notna()
        if bad.any():
            positions = bad.to_numpy().nonzero()[0][:EXAMPLES]
            return [(start + int(position), frame[column].iloc[position]) for position in positions]
        start += len(frame)
    return []
