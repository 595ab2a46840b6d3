"""Compares a table with its reference, column by column, and says what is more than chance and time explain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from millrace.drift.base import Check, ColumnComparison, Comparison, DriftLimits, Measure, Skipped
from millrace.drift.columns import CategoryColumn, NumberColumn, ReferenceColumn
from millrace.drift.natural import natural_figures, stretches

if TYPE_CHECKING:
    import pandas as pd

LEAST_ROWS = 30
MARGIN = 0.25
"""A stretch that is yet to come may go a quarter beyond the farthest that was seen, or a quarter of what is left."""
_CHECKS: tuple[Check, ...] = ("distribution", "missing", "new_categories", "out_of_range")


def compare(
    reference: pd.DataFrame,
    current: pd.DataFrame,
    limits: DriftLimits,
    times: pd.Series | None = None,
    span: pd.Timedelta | None = None,
) -> Comparison:
    """The verdict on `current`.

    `times` are those of the reference's rows, in their order, and `span` is how long `current` reaches; with both,
    what stretches of such a length do within the reference is no drift.
    """
    compared, skipped = _columns(reference, current, limits)
    parts = stretches(times, span) if times is not None and span is not None else []
    chance = limits.significance / max(1, len(compared) * len(_CHECKS))
    return Comparison(
        rows=len(current),
        reference_rows=len(reference),
        columns=[_compared(reference[name], current[name], limits, chance, parts) for name in compared],
        skipped=skipped,
        share_limit=limits.share,
    )


def _columns(reference: pd.DataFrame, current: pd.DataFrame, limits: DriftLimits) -> tuple[list[str], list[Skipped]]:
    compared, skipped = [], []
    for name in map(str, reference.columns):
        reason = _why_not(name, reference, current, limits)
        if reason is None:
            compared.append(name)
        else:
            skipped.append(Skipped(column=name, reason=reason))
    return compared, skipped


def _why_not(name: str, reference: pd.DataFrame, current: pd.DataFrame, limits: DriftLimits) -> str | None:
    if name in limits.ignore:
        return "ignored by the spec"
    if reference[name].dtype.kind in "mM":
        return "a time, which always moves on"
    if name not in current.columns:
        return "not in the compared table"
    if reference[name].notna().sum() < LEAST_ROWS:
        return "hardly any value in the reference"
    return None


def _compared(
    reference: pd.Series, current: pd.Series, limits: DriftLimits, chance: float, parts: list[slice]
) -> ColumnComparison:
    kind = kind_of(reference)
    current = _as_kind(current, kind)
    column: ReferenceColumn = NumberColumn(reference) if kind == "number" else CategoryColumn(reference)
    least: dict[Check, float] = {
        "distribution": limits.distance,
        "missing": limits.missing,
        "new_categories": limits.new_categories,
        "out_of_range": limits.out_of_range,
    }
    figures, allowed = column.figures(current), column.limits(current, least, chance)
    natural = natural_figures(column, parts)
    return ColumnComparison(
        column=str(reference.name),
        kind=kind,
        measures={
            check: Measure(value=value, limit=max(allowed[check], _with_margin(natural.get(check, 0.0))))
            for check, value in figures.items()
        },
        examples=column.examples(current) if figures.get("new_categories") else [],
    )


def _with_margin(natural: float) -> float:
    return natural + MARGIN * min(natural, 1 - natural)


def kind_of(values: pd.Series) -> Literal["number", "category"]:
    """Whether a column of the reference holds numbers or categories."""
    return "number" if values.dtype.kind in "iuf" else "category"


def _as_kind(values: pd.Series, kind: str) -> pd.Series:
    """Text where numbers are wanted is missing: it cannot be compared, and that shows as a rise of missing values."""
    import pandas as pd

    return pd.to_numeric(values, errors="coerce") if kind == "number" else values
