"""One table, one row: `row.py NAME [--seconds 60] [--seed N] [--no-rivals]`, for the tables of `tables.py`."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

import numpy as np
from ours import Found, as_features, through_the_stages
from report import Row, emit
from rivals import NEEDS, ask
from tables import SECONDS, TABLES, Table

from millrace.stages.metrics.scoring import Answer, metrics


def main() -> None:
    """Print the row as JSON, and on the error stream how the model was made."""
    parser = argparse.ArgumentParser()
    parser.add_argument("table", choices=sorted(set(TABLES) - {"penguins"}))
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--seed", type=int, default=None, help="of a random split")
    parser.add_argument("--no-rivals", action="store_true")
    given = parser.parse_args()
    table = TABLES[given.table]
    found = through_the_stages(table, given.seconds, given.seed)
    shown = {key: found.report[key] for key in ("combined", "members", "combinations", "trials", "pruned", "failed")}
    sys.stderr.write(json.dumps({"table": table.name, **shown, "processes": found.report["processes"]}) + "\n")
    others = [] if given.no_rivals else [told(name, table, found, given.seconds) for name in NEEDS]
    emit(row(table, found, others))


def told(name: str, table: Table, found: Found, seconds: float) -> str:
    """What one of the others reaches on the same rows, in words."""
    train, test = as_features(found.rows)
    task = str(found.rows.spec.task)
    answer = ask(name, train, test.drop(columns=[]), task, table.metric, seconds)
    if answer.values is None:
        return f"{name} skipped ({answer.reason})"
    return f"{name} {scored(table, task, test['target'].to_numpy(), answer.values):.3f}"


def scored(table: Table, task: str, truth: Any, values: list[object]) -> float:
    """The metric of plain predictions."""
    said = np.asarray(values, dtype=object if task == "classification" else float)
    return metrics(task, truth, Answer(said))[table.metric]


def row(table: Table, found: Found, others: list[str]) -> Row:
    """The row of the table of figures."""
    low, high = found.interval or [float("nan")] * 2
    sign = "at least" if table.greater_is_better else "at most"
    met = found.value >= table.goal if table.greater_is_better else found.value <= table.goal
    return Row(
        f"{table.name}, {table.metric}",
        f"{found.value:.3f} ({low:.3f} to {high:.3f}), {found.seconds:.0f} s, {found.compiled}",
        "; ".join([f"scikit-learn {table.plain}", *others]),
        "met" if met else "not met",
        f"{sign} {table.goal:g}",
    )


if __name__ == "__main__":
    main()
