"""What a comparison means: from figures beyond their limits to findings, each in one sentence for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from millrace.drift.base import Check, ColumnComparison, Comparison
from millrace.stores.alerts import Finding

FEATURES, SOURCE = "features", "source"
KINDS: dict[Check, str] = {
    "distribution": "data_drift",
    "missing": "missing_values",
    "new_categories": "new_categories",
    "out_of_range": "out_of_range",
}
"""The kind of an alert by the check that raises it."""
_SAID: dict[Check, str] = {
    "missing": "is missing in",
    "new_categories": "holds values that training never saw in",
    "out_of_range": "is beyond all of training in",
}
_NAMED = 5


def of_table(comparison: Comparison, part: str) -> list[Finding]:
    """The findings about `part`: the live features, or the newest source table."""
    found = [_drift(comparison, part)] if comparison.drifted else []
    return found + [one for column in comparison.columns for one in _of_column(column, part, comparison.rows)]


def of_answers(comparison: Comparison) -> list[Finding]:
    """The findings about the model's answers: that they are others than on the held-out rows."""
    return [
        Finding(
            kind="prediction_drift",
            subject=column.column,
            severity="critical",
            message=f"The predictions of '{column.column}' are others than on the held-out rows: {_figure(column)}.",
            details=_details(column, "distribution"),
        )
        for column in comparison.drifted
    ]


def of_schema(warnings: list[str], missing: list[str]) -> list[Finding]:
    """The finding that the source's columns have changed since the champion learnt; none without a change."""
    lost = [f"The column '{name}', which the pipeline needs, is gone." for name in missing]
    if not warnings and not lost:
        return []
    sentences = [*lost, *warnings]
    more = f" And {len(sentences) - _NAMED} more." if len(sentences) > _NAMED else ""
    return [
        Finding(
            kind="schema_drift",
            subject=SOURCE,
            severity="critical" if lost else "warning",
            message=" ".join(sentences[:_NAMED]) + more,
            details={"missing": missing, "changes": sentences},
        )
    ]


def _drift(comparison: Comparison, part: str) -> Finding:
    """One finding for all columns: forty alerts about one change would be read by nobody."""
    drifted = comparison.drifted
    named = ", ".join(f"'{column.column}' ({_figure(column)})" for column in drifted[:_NAMED])
    more = f" and {len(drifted) - _NAMED} more" if len(drifted) > _NAMED else ""
    what = "The live features have drifted" if part == FEATURES else "The newest source table has drifted"
    return Finding(
        kind="data_drift",
        subject=part,
        severity="critical" if comparison.table_drifted else "warning",
        message=f"{what} in {len(drifted)} of {len(comparison.columns)} columns: {named}{more}.",
        details={
            "share": comparison.drift_share,
            "share_limit": comparison.share_limit,
            "rows": comparison.rows,
            # A list: a column's name may hold what MongoDB does not take in the name of a field.
            "columns": [{"column": column.column, **_details(column, "distribution")} for column in drifted],
        },
    )


def _of_column(column: ColumnComparison, part: str, rows: int) -> Iterator[Finding]:
    where = "" if part == FEATURES else " of the newest source table"
    for check, said in _SAID.items():
        if column.exceeded(check):
            measure = column.measures[check]
            shown = f", such as {', '.join(map(repr, column.examples))}" if check == "new_categories" else ""
            yield Finding(
                kind=KINDS[check],
                subject=column.column if part == FEATURES else f"{part}/{column.column}",
                message=f"'{column.column}' {said} {measure.value:.1%} of {rows:,} rows{where}{shown}; "
                f"up to {measure.limit:.1%} is no surprise.",
                details=_details(column, check),
            )


def _figure(column: ColumnComparison) -> str:
    measure = column.measures["distribution"]
    return f"distance {measure.value:.2f}, limit {measure.limit:.2f}"


def _details(column: ColumnComparison, check: Check) -> dict[str, Any]:
    measure = column.measures[check]
    found: dict[str, Any] = {"value": round(measure.value, 6), "limit": round(measure.limit, 6)}
    return found | ({"examples": column.examples} if check == "new_categories" else {})
