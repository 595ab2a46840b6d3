"""Penguins: five-fold cross-validation, four times over, of the whole `auto` procedure, each fit with a budget.

Each of the 20 fits searches, combines and calibrates on its own four fifths of the rows, and answers the fifth that it
has not seen. `penguins.py [--seconds 12]`.
"""

from __future__ import annotations

import argparse
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
from ours import context_of
from report import Row, emit
from tables import TABLES

from millrace.local.stores import stores_running
from millrace.pipeline import perform
from millrace.settings import get_settings
from millrace.stages.material.held_out import Material, material
from millrace.stages.outputs import Transformed
from millrace.stages.search.learning import learn

SECONDS, FOLDS, REPEATS, SEED = 12.0, 5, 4, 17


def main() -> None:
    """Print the row as JSON; each repeat's accuracy goes to the error stream."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=SECONDS)
    given = parser.parse_args()
    rows = table_rows(given.seconds)
    repeats = np.array([repeat(rows, number) for number in range(REPEATS)])
    mean, spread = repeats.mean(), repeats.mean(axis=1).std(ddof=1)
    goal = TABLES["penguins"].goal
    emit(
        Row(
            f"penguins, accuracy, {FOLDS}-fold cross-validation {REPEATS} times",
            f"{mean:.4f} (repeats differ by {spread:.4f}), {given.seconds:.0f} s a fit",
            "scikit-learn .986",
            "met" if mean >= goal else "not met",
            f"at least {goal:g}",
        )
    )


def table_rows(seconds: float) -> Material:
    """The rows after the stages before the training."""
    with stores_running(get_settings()):
        context = context_of(TABLES["penguins"], seconds)
        outputs: dict[str, Any] = {}
        for stage in ("extract", "validate", "transform"):
            outputs[stage] = perform(context, stage, outputs)
        return material(context, Transformed.model_validate(outputs["transform"]))


def repeat(rows: Material, number: int) -> list[float]:
    """The accuracy on each fold of one repeat."""
    from sklearn.model_selection import StratifiedKFold

    every = np.sort(np.concatenate([rows.train, rows.test]))
    target = rows.table.target[every]
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=SEED + number).split(every, target)
    found = [fold_score(Material(rows.spec, rows.table, every[fit], every[test])) for fit, test in folds]
    sys.stderr.write(f"repeat {number + 1}: {np.mean(found):.4f} {np.round(found, 4).tolist()}\n")
    return found


def fold_score(rows: Material) -> float:
    """The accuracy of one whole search on rows that it has not seen."""
    context: Any = SimpleNamespace(spec=rows.spec, warn=lambda _: None)  # without a warm start nothing else is asked
    return rows.score(learn(context, rows, rows.spec.candidates[0]).model)[0]["accuracy"]


if __name__ == "__main__":
    main()
