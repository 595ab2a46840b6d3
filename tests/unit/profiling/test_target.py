"""The task follows from the target, and what cannot be a target is refused in one sentence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from millrace.errors import MillraceError
from millrace.profiling.columns import profile_columns
from millrace.profiling.target import Goal, choose_goal

RANDOM = np.random.default_rng(11)
ROWS = 300


def goal_of(values: Any, task: str | None = None, targets: list[str] | None = None) -> Goal:
    frame = pd.DataFrame({"y": pd.Series(values), "x": RANDOM.normal(size=ROWS), "z": RANDOM.normal(size=ROWS)})
    return choose_goal(frame, profile_columns(frame, set()), ["y"] if targets is None else targets, task)


@pytest.mark.parametrize(
    ("values", "task"),
    [
        (RANDOM.normal(size=ROWS), "regression"),
        (RANDOM.integers(0, 3, ROWS), "classification"),
        (RANDOM.integers(1, 6, ROWS), "classification"),
        (RANDOM.integers(3, 10, ROWS), "regression"),
        (RANDOM.integers(0, 200, ROWS), "regression"),
        ([-1, 1] * 150, "classification"),
        ([True, False, None] * 100, "classification"),
        (["low", "high", None] * 100, "classification"),
        ([0.0, 1.0, None] * 100, "classification"),
    ],
)
def test_the_task_follows_from_the_values(values: Any, task: str) -> None:
    assert goal_of(values).task == task


def test_labels_keep_their_kind_though_nulls_made_floats_of_them() -> None:
    assert goal_of([0.0, 1.0, None] * 100).classes == (0, 1)
    assert goal_of([True, False, None] * 100).classes == (False, True)


def test_rare_classes_are_named() -> None:
    goal = goal_of(["a"] * 150 + ["b"] * 145 + ["c"] * 5)
    assert goal.rare == ("c",)
    assert goal.rare_rows == 5


@pytest.mark.parametrize(
    ("values", "task", "targets", "said"),
    [
        ([1.0] * ROWS, None, None, "one single value"),
        ([None] * ROWS, None, None, "no value at all"),
        ([f"K{i}" for i in range(ROWS)], None, None, "names rows"),
        ([f"class {i % 100}" for i in range(ROWS)], None, None, "too many to be classes"),
        (["a"] * 295 + ["b"] * 5, None, None, "fewer than 10 rows"),
        (["a", "b"] * 150, "regression", None, "predicts numbers"),
        (["a", "b"] * 150, "clustering", None, "has no target"),
        (["a", "b"] * 150, None, ["yy"], "no column 'yy'"),
        (["a", "b"] * 150, None, ["y", "x"], "predicts numbers"),
        ([1.0, 2.0] * 150, "classification", ["z", "x"], "for a regression"),
        (["a", "b"] * 150, None, [], "Give --target with one of: 'z', 'x', 'y'"),
    ],
)
def test_what_cannot_be_predicted_is_refused_in_one_sentence(
    values: Any, task: str | None, targets: list[str] | None, said: str
) -> None:
    with pytest.raises(MillraceError) as error:
        goal_of(values, task, targets)
    assert said in str(error.value)
