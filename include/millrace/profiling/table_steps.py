"""Writes the section `transform` of a spec: which rows and columns are dropped, and the past of a lone series."""

from __future__ import annotations

from typing import Any

from millrace.profiling.findings import Findings
from millrace.profiling.series import Spacing, spacing_of
from millrace.profiling.yaml_text import Line, flow, items

DROPPED = {
    "empty": "has no value",
    "constant": "has one single value",
    "sparse": "is mostly missing",
    "identifier": "names the row",
    "text": "is free text, or has too many different values",
}


def transform_section(found: Findings) -> list[str]:
    """The lines of the section."""
    lines: list[Line] = [(flow({"step": "drop_empty"}), ""), _duplicates(found), *_drops(found)]
    lines += [
        (flow({"step": "cast", "columns": {time.columns[0]: "datetime"}, "format": time.format}), "")
        for time in found.attributes
        if time.format and len(time.columns) == 1
    ]
    spacing = _spacing(found)
    if found.is_lone_series and spacing:
        lines += [_lags(found, spacing, spacing.words), _without_past(found, spacing)]
    written = ["# Table-wise steps, in training only.", "transform:", *items(lines)]
    if spacing and spacing.every and not found.is_lone_series:
        reason = f"if the past of {' and '.join(found.goal.targets)} is known when a prediction is asked for"
        written += [line.replace("  - ", "  # - ", 1) for line in items([_lags(found, spacing, reason)])]
    return written


def _duplicates(found: Findings) -> Line:
    if found.is_lone_series and found.clock:
        repeated = int(found.clock.values.duplicated().sum())
        step = {"step": "drop_duplicates", "columns": [found.time_name]}
        return flow(step), f"times that are there twice: {repeated:,}" if repeated else ""
    count = int(found.table.frame.duplicated().sum())
    reason = f"exact repeats: {count:,}; they would flatter the score" if count else ""
    return flow({"step": "drop_duplicates"}), reason


def _drops(found: Findings) -> list[Line]:
    """The columns that a model cannot use, with the reason of each kind."""
    lines = []
    for kind, reason in DROPPED.items():
        names = [c.name for c in found.columns if c.kind == kind and c.name not in found.goal.targets]
        if names:
            lines.append((flow({"step": "drop_columns", "columns": names}), reason))
    joined = [name for time in found.attributes if len(time.columns) > 1 for name in time.columns]
    if joined:
        lines.append((flow({"step": "drop_columns", "columns": joined}), "a second time"))
    return lines


def _spacing(found: Findings) -> Spacing | None:
    """How the rows of a regression are spaced in time; None where nothing orders them."""
    if found.clock is None or found.goal.task != "regression":
        return None
    return spacing_of(found.clock.values, len(found.table.frame))


def _lags(found: Findings, spacing: Spacing, reason: str) -> Line:
    step: dict[str, Any] = {"step": "lag", "columns": list(found.goal.targets), "order_by": found.time_name}
    if spacing.every:
        step["every"] = spacing.every
    return flow({**step, "periods": list(spacing.lags)}), reason


def _without_past(found: Findings, spacing: Spacing) -> Line:
    names = [f"{target}_lag_{n}" for target in found.goal.targets for n in spacing.lags]
    return flow({"step": "drop_nulls", "columns": names}), "rows without that past"
