"""Which column is to be predicted, and what kind of task that makes; asks one clear question when it cannot tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from millrace.errors import DataError, SpecError, did_you_mean
from millrace.profiling.columns import Column

if TYPE_CHECKING:
    import pandas as pd

MOST_LABELS = 10
"""An integer target with at most this many values, counted up from 0 or 1, holds labels."""
LEAST_OF_CLASS = 10
"""Rows that a class needs, so that each fold of the cross-validation and the held-out rows see it."""


@dataclass(frozen=True)
class Goal:
    """The task, why it was chosen, and the classes that are too rare to be learnt."""

    targets: tuple[str, ...]
    task: str
    reason: str = ""
    classes: tuple[Any, ...] = ()
    rare: tuple[str, ...] = ()
    rare_rows: int = 0


def choose_goal(frame: pd.DataFrame, columns: list[Column], targets: list[str], task: str | None) -> Goal:
    """The goal that the person asked for, completed from the data. Raises SpecError or DataError."""
    if task == "clustering":
        if targets:
            raise SpecError("A clustering has no target.", hint="Leave --target away, or choose another --task.")
        return Goal((), task, "as asked")
    if not targets:
        raise SpecError(
            "Which column is to be predicted?",
            hint=f"Give --target with one of: {_offered(columns)}; or --task clustering to group the rows.",
        )
    named = {column.name: column for column in columns}
    for target in targets:
        if target not in named:
            raise SpecError(f"The table has no column '{target}'.", hint=did_you_mean(target, named))
        _check_usable(named[target], len(frame))
    if len(targets) > 1:
        return _several(named, targets, task)
    chosen, reason = (task, "as asked") if task else _task_of(frame[targets[0]], named[targets[0]])
    if chosen == "regression":
        _check_numeric(named[targets[0]])
        return Goal(tuple(targets), chosen, reason)
    return _classification(frame[targets[0]], targets[0], reason)


def _offered(columns: list[Column]) -> str:
    """The columns that may be predicted, the last one first: that is where targets mostly stand."""
    return ", ".join(f"'{column.name}'" for column in reversed(columns) if column.useful) or "none of its columns"


def _check_usable(column: Column, rows: int) -> None:
    problems = {
        "empty": "has no value at all",
        "constant": "has one single value, so there is nothing to learn",
        "time": "holds times",
        "identifier": f"has a value of its own in each of its {column.distinct:,} rows: it names rows",
        "text": f"has {column.distinct:,} different texts in {rows:,} rows: too many to be classes",
    }
    if column.kind in problems:
        raise DataError(
            f"'{column.name}' cannot be a target: it {problems[column.kind]}.", hint="Choose another --target."
        )


def _several(named: dict[str, Column], targets: list[str], task: str | None) -> Goal:
    if task not in {None, "regression"}:
        raise SpecError("Several targets are for a regression.", hint="Name one --target, or --task regression.")
    for target in targets:
        _check_numeric(named[target])
    return Goal(tuple(targets), "regression", "several numbers")


def _check_numeric(column: Column) -> None:
    if column.minimum is None:
        raise SpecError(
            f"'{column.name}' holds text, and a regression predicts numbers.", hint="Use --task classification."
        )


def _task_of(values: pd.Series, column: Column) -> tuple[str, str]:
    """The task that the target's values call for, and why."""
    if column.minimum is None:
        return "classification", f"{column.distinct} classes"
    counted = column.minimum in {0.0, 1.0} and column.maximum == column.minimum + column.distinct - 1
    if column.integer and column.distinct == 2:
        return "classification", "two values"
    if column.integer and column.distinct <= MOST_LABELS and counted:
        return "classification", f"{column.distinct} labels, counted from {column.minimum:g}"
    if column.integer and column.distinct <= MOST_LABELS:
        return "regression", f"{column.distinct} whole numbers in order; task: classification takes them as labels"
    return "regression", "a number"


def _classification(values: pd.Series, target: str, reason: str) -> Goal:
    counts = values.dropna().value_counts()
    rare = counts[counts < LEAST_OF_CLASS]
    if len(counts) - len(rare) < 2 or rare.sum() > 0.05 * counts.sum():
        raise DataError(
            f"'{target}' has {len(counts):,} classes, and {len(rare):,} of them have fewer than {LEAST_OF_CLASS} rows.",
            hint="Choose another --target, group the rare classes into one, or use --task regression for a number.",
        )
    classes = tuple(_plain(value) for value in sorted(counts.index, key=str))
    return Goal(
        (target,), "classification", reason, classes, tuple(sorted(map(str, map(_plain, rare.index)))), int(rare.sum())
    )


def _plain(value: Any) -> Any:
    """A label as YAML writes it: whole numbers without a point, though a null among them made floats of them."""
    if isinstance(value, str | bool):
        return value
    plain = value.item() if hasattr(value, "item") else value
    return int(plain) if isinstance(plain, float) and plain == int(plain) else plain
