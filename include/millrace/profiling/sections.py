"""Writes the sections of a spec from what was found in a table, with the reasons in comments."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from millrace.profiling.candidates import candidates_for
from millrace.profiling.expectations import expectation_lines
from millrace.profiling.findings import Findings
from millrace.profiling.forecast import forecast_lines
from millrace.profiling.series import DAY
from millrace.profiling.table_steps import transform_section
from millrace.profiling.timestamps import Clock
from millrace.profiling.yaml_text import comment, flow, items
from millrace.spec.metrics import PRIMARY_METRIC

if TYPE_CHECKING:
    import pandas as pd

FOLDS = 5
_OFFSET = re.compile(r"(?:Z|[+-]\d{2}:?\d{2})$")
_AT_THE_SHELL = "# Check it with 'millrace lint', run it here with 'millrace run THIS_FILE --local'."
_NAIVE = "times without an offset are read as UTC; else add timezone: Europe/Berlin"


def spec_text(found: Findings, name: str, upload: str | None = None) -> str:
    """The whole spec as YAML. `upload`: the name under which the table was uploaded; else it is the file itself."""
    sections = [
        _head(found, name, "# Save it when it says what you mean." if upload else _AT_THE_SHELL),
        _source(found, upload),
        _expectations(found),
        transform_section(found),
        _features(found),
        _training(found),
    ]
    return "\n\n".join("\n".join(section) for section in sections if section) + "\n"


def _head(found: Findings, name: str, advice: str) -> list[str]:
    rows, width = found.table.frame.shape
    does = "Forecasts" if found.regular else "Predicts"
    predicted = f"{does} {' and '.join(found.goal.targets)}" if found.goal.targets else "Groups the rows"
    return [
        comment(f"Drafted by 'millrace init' from {found.path.name} ({rows:,} rows, {width} columns).").strip(),
        advice,
        f"name: {name}",
        f"description: {flow(f'{predicted}, from {found.path.name}')}",
        '# schedule: "@daily"    # without one it runs when it is asked to',
    ]


def _source(found: Findings, upload: str | None) -> list[str]:
    source = found.table.source
    lines = ["source:", "  type: file", f"  path: {flow(source['path'])}    # or relative to where millrace runs"]
    if upload is not None:
        lines = [
            "source:",
            "  type: upload",
            f"  name: {flow(upload)}    # a new table under this name is the next one read",
        ]
    if "format" in source:
        lines.append(f"  format: {source['format']}")
    if "read" in source:
        lines.append(f"  read: {flow(source['read'])}")
    if found.clock:
        lines.append(f"  timestamp: {flow(_timestamp(found, found.clock))}{_zone_comment(found, found.clock)}")
    return lines


def _timestamp(found: Findings, clock: Clock) -> dict[str, Any]:
    columns = clock.columns
    written: dict[str, Any] = {"from": columns[0] if len(columns) == 1 else list(columns)}
    if clock.format:
        written["format"] = clock.format
    return {**written, "as": found.time_name}


def _zone_comment(found: Findings, clock: Clock) -> str:
    if clock.doubt:
        return comment(clock.doubt)
    first = str(found.table.frame[clock.columns[0]].dropna().iloc[0])
    return comment("" if _OFFSET.search(first) else _NAIVE)


def _expectations(found: Findings) -> list[str]:
    lines = expectation_lines(found.used, found.goal, len(found.table.frame), found.table.complete)
    return [
        "# What each delivery must satisfy. fail stops the run, quarantine sets the rows aside, warn only says so.",
        "expectations:",
        *items(lines),
    ]


def _features(found: Findings) -> list[str]:
    if found.goal.task in {"clustering", "forecast"}:
        return []
    steps = []
    if found.clock:
        steps.append({"step": "calendar", "column": found.time_name, "parts": _parts(found.clock.values)})
    steps += [
        {"step": "calendar", "column": time.columns[0], "parts": _parts(time.values)}
        for time in found.attributes
        if len(time.columns) == 1
    ]
    if not steps:
        return []
    lines = items([(flow(step), "") for step in steps])
    return ["# Row-wise steps: the same code in training and in serving.", "features:", *lines]


def _parts(values: pd.Series) -> list[str]:
    """The parts of the calendar that the values go through at least twice."""
    known = values.dropna()
    span = (known.max() - known.min()).total_seconds()
    seconds = (known - known.dt.normalize()).dt.total_seconds()
    parts = []
    if (seconds != 0).any():
        quarters = bool((seconds % 3600 != 0).mean() > 0.1)
        parts.append("quarter_hour" if quarters else "hour")
    if span > 14 * DAY:
        parts.append("dayofweek")
    if span > 360 * DAY:
        parts.append("month")
    return parts or ["dayofweek"]


def _training(found: Findings) -> list[str]:
    goal = found.goal
    lines = [f"task: {goal.task}    # {goal.reason}"]
    if goal.targets:
        target = goal.targets[0] if len(goal.targets) == 1 else list(goal.targets)
        lines.append(f"target: {flow(target)}")
    if found.regular is not None:
        return [*lines, *forecast_lines(found, found.regular)]
    split, reason = _split(found)
    lines.append(f"split: {flow(split)}    # {reason}")
    lines.append("candidates:    # a dummy baseline always takes part")
    rows = len(found.table.frame)
    lines += items([(flow(candidate), "") for candidate in candidates_for(goal, rows)])
    promotion = {"metric": PRIMARY_METRIC[goal.task], "min_improvement": 0}
    lines.append(f"promotion: {flow(promotion)}    # add limit: the worst value that may serve")
    return lines


def _split(found: Findings) -> tuple[dict[str, Any], str]:
    if found.clock is None:
        return {"by": "random", "test": 0.2}, "no column orders the rows in time"
    if found.goal.task == "classification" and not _classes_are_everywhere(found):
        return {"by": "random", "test": 0.2}, "some class is absent from the earliest rows, so by: time is not possible"
    return {"by": "time", "test": 0.2}, "the last fifth of the time is held out"


def _classes_are_everywhere(found: Findings) -> bool:
    """Whether the first fold of an expanding window over the training rows sees every class."""
    assert found.clock is not None  # noqa: S101 - asked only of tables with a clock
    ordered = found.table.frame[found.goal.targets[0]].loc[found.clock.values.sort_values(kind="stable").index].dropna()
    first = ordered.iloc[: int(0.8 * len(ordered) / (FOLDS + 1))]
    return bool(first.nunique() == ordered.nunique() - len(found.goal.rare))
