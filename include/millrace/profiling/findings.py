"""Looks at a table and puts together what was found: columns, times, the goal, and what a person should know."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from millrace.errors import DataError
from millrace.profiling.columns import Column, profile_columns
from millrace.profiling.regular import WHAT_IS_WANTED, Regular, find_regular
from millrace.profiling.table import Table, open_table
from millrace.profiling.target import Goal, choose_goal
from millrace.profiling.timestamps import Clock, find_times, order_of_rows

LEAST_ROWS = 25
CLOSE = 0.97
"""A number that follows the target as closely as this may be measured together with it."""


@dataclass(frozen=True)
class Findings:
    """What was found in the table; all sections of the spec are written from it."""

    path: Path
    table: Table
    columns: list[Column]
    times: list[Clock]
    clock: Clock | None
    goal: Goal
    regular: Regular | None = None
    """The series to forecast, where that is the task."""

    @property
    def time_name(self) -> str:
        """The name of the time column that the spec makes."""
        taken = {column.name for column in self.columns} - set(self.clock.columns if self.clock else ())
        return "timestamp" if "timestamp" not in taken else "row_time"

    @property
    def used(self) -> list[Column]:
        """Columns that reach the model or are predicted."""
        if self.regular is not None:
            return [column for column in self.columns if column.name in {*self.goal.targets, *self.regular.keys}]
        return [column for column in self.columns if column.useful or column.name in self.goal.targets]

    @property
    def attributes(self) -> list[Clock]:
        """The times that do not order the rows."""
        return [time for time in self.times if time is not self.clock]

    @property
    def is_lone_series(self) -> bool:
        """Whether there is nothing to predict from but the target's own past."""
        return self.clock is not None and self.goal.task == "regression" and len(self.used) == len(self.goal.targets)


def look_at(path: Path, targets: list[str], task: str | None, sheet: str | None) -> Findings:
    """Look at the table in a file. Raises SourceError, DataError or SpecError with one clear question."""
    table = open_table(path, sheet)
    rows = len(table.frame)
    if rows < LEAST_ROWS:
        raise DataError(f"{path} has {rows} rows, too few to train on.", hint=f"At least {LEAST_ROWS} are needed.")
    times = find_times(table.frame)
    columns = profile_columns(table.frame, {column for time in times for column in time.columns})
    goal = choose_goal(table.frame, columns, targets, "regression" if task == "forecast" else task)
    found = Findings(path, table, columns, times, order_of_rows(times), goal)
    if task in {None, "forecast"} and goal.task == "regression" and len(goal.targets) == 1:
        found = _as_series(found, asked=task is not None)
    if len(found.used) == len(goal.targets) and not times:
        raise DataError(
            f"{path} has no column to predict {' and '.join(goal.targets)} from.",
            hint="Give a table with numbers, categories or times beside the target.",
        )
    return found


def _as_series(found: Findings, *, asked: bool) -> Findings:
    """The same as series to forecast, where the table is nothing else, or where a forecast is asked for."""
    target = found.goal.targets[0]
    regular = find_regular(found.table.frame, found.columns, found.times, target)
    if regular is None and asked:
        raise DataError(f"{found.path} has no regular series of {target}.", hint=WHAT_IS_WANTED)
    if regular is None or (not asked and {column.name for column in found.used} != {target, *regular.keys}):
        return found
    several = f"{regular.series} series by {' and '.join(regular.keys)}" if regular.keys else "one series"
    reason = f"{several}, {regular.steps:,} steps of {regular.frequency}"
    return replace(found, clock=regular.clock, goal=Goal((target,), "forecast", reason), regular=regular)


def notes_on(found: Findings) -> list[str]:
    """Sentences for the person who will run the spec."""
    goal = found.goal
    notes = list(found.table.notes)
    if goal.targets:
        notes.append(f"task: {goal.task} ({goal.reason}).")
    if found.clock and found.clock.doubt:
        notes.append(f"{found.clock.doubt[0].upper()}{found.clock.doubt[1:]}.")
    if found.is_lone_series:
        notes.append(f"{goal.targets[0]} is the only number: it is predicted from its own past (lag) and the calendar.")
    damaged = [(column.name, column.damage.sentence) for column in found.used if column.damage]
    notes += [f"{name}: {sentence}; the spec quarantines them." for name, sentence in damaged]
    notes += [
        f"{name} follows {goal.targets[0]} closely (correlation {value:.2f}): drop it if it is not known beforehand."
        for name, value in _followers(found)
    ]
    if not found.table.complete:
        notes.append("Only the first 1,000,000 rows were looked at; ranges are warnings, not rules.")
    return notes


def _followers(found: Findings) -> list[tuple[str, float]]:
    """Numbers that are almost the target: what is measured with it may not be there when a prediction is asked for."""
    if found.goal.task != "regression":
        return []
    target = found.table.frame[found.goal.targets[0]]
    numbers = [c.name for c in found.columns if c.kind == "number" and c.name not in found.goal.targets]
    correlations = [(name, float(found.table.frame[name].corr(target))) for name in numbers]
    return [(name, value) for name, value in correlations if abs(value) > CLOSE]
