"""Draws expectations from a table: what holds for it now, widened so that a good next delivery passes too.

The very same table passes: values that look damaged are quarantined, and they are far fewer than may be.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from millrace.profiling.columns import Column
from millrace.profiling.target import Goal
from millrace.profiling.yaml_text import Line, flow

MOST_COLUMNS = 25
MOST_LISTED = 240
"""Characters that a set of values may take; a longer one would hide the rest of the spec."""
WIDENING = 0.5
MOST_DAMAGED = 0.05
"""Half of what a quarantine may hold by default; a table with more oddities than this has none."""
MOST_STRAY_NULLS = 0.005


def expectation_lines(columns: list[Column], goal: Goal, rows: int, complete: bool) -> list[Line]:
    """The expectations of the columns that are used, one line each."""
    damaged = sum(column.damage.count for column in columns if column.damage)
    if damaged > MOST_DAMAGED * rows:
        columns = [replace(column, damage=None) for column in columns]
    lines = [_line({"expect": "expect_table_row_count_to_be_between", "min_value": max(1, rows // 2)}, "fail")]
    for column in columns[:MOST_COLUMNS]:
        if column.name in goal.targets and goal.task == "classification":
            lines.append(_classes(column, goal))
        elif column.kind == "number":
            lines.append(_range(column, complete and column.name not in goal.targets))
        elif column.kind == "category" and len(flow(column.values)) <= MOST_LISTED:
            lines.append(_values(column))
        if column.nulls <= MOST_STRAY_NULLS * rows:
            comment = f"missing in {column.nulls:,} of {rows:,} rows" if column.nulls else ""
            not_null: dict[str, Any] = {"expect": "expect_column_values_to_not_be_null", "column": column.name}
            if column.nulls:
                not_null["mostly"] = 0.99
            lines.append(_line(not_null, "warn", comment))
    return lines


def _line(expectation: dict[str, Any], on_failure: str, comment: str = "") -> Line:
    return flow({**expectation, "on_failure": on_failure}), comment


def _range(column: Column, complete: bool) -> Line:
    low, high, comment = widened(column), widened(column, upper=True), ""
    on_failure = "quarantine" if complete else "warn"
    if column.damage:
        low = column.damage.minimum if column.damage.minimum is not None else low
        high = column.damage.maximum if column.damage.maximum is not None else high
        on_failure, comment = "quarantine", column.damage.sentence
    bounds = {"column": column.name, "min_value": low, "max_value": high}
    return _line({"expect": "expect_column_values_to_be_between", **bounds}, on_failure, comment)


def _values(column: Column) -> Line:
    wrong = column.damage.wrong if column.damage else ()
    allowed = [value for value in column.values if value not in wrong]
    expectation = {"expect": "expect_column_values_to_be_in_set", "column": column.name, "value_set": allowed}
    return _line(expectation, "quarantine" if wrong else "warn", column.damage.sentence if column.damage else "")


def _classes(column: Column, goal: Goal) -> Line:
    values = [value for value in goal.classes if str(value) not in goal.rare]
    comment = f"too rare to learn: {', '.join(goal.rare)} ({goal.rare_rows} rows)" if goal.rare else ""
    if column.damage and column.damage.wrong:
        values = [value for value in values if value not in column.damage.wrong]
        comment = column.damage.sentence
    expectation = {"expect": "expect_column_values_to_be_in_set", "column": column.name, "value_set": values}
    return _line(expectation, "quarantine", comment)


def widened(column: Column, upper: bool = False) -> float:
    """A bound half a range beyond what was seen, in two digits; a column without negatives keeps 0 as its lower one."""
    assert column.minimum is not None and column.maximum is not None  # noqa: S101, PT018 - a number column has both
    spread = column.maximum - column.minimum
    if not upper and column.minimum >= 0 and column.minimum - WIDENING * spread <= 0:
        return 0.0
    bound = column.maximum + WIDENING * spread if upper else column.minimum - WIDENING * spread
    return _outwards(bound, upper)


def _outwards(bound: float, upper: bool) -> float:
    """The bound rounded away from the data to two significant digits."""
    if bound == 0:
        return 0.0
    unit = 10.0 ** (math.floor(math.log10(abs(bound))) - 1)
    steps = math.ceil(bound / unit) if upper else math.floor(bound / unit)
    return float(f"{steps * unit:.12g}")
