"""How well a search uses the cores: 20 candidates x 5 folds on 100,000 rows.

Cores in use: CPU seconds of this process and its workers over wall seconds and cores, within the search. The search is
compared with the sum of its fits as the workers timed them, shared out over the cores. Run it on a quiet machine.
`parallel_search.py [--rows 100000]`.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
import pandas as pd
import psutil
from report import Row, emit

from millrace.spec.models import PipelineSpec
from millrace.stages.material.splitting import folds, held_out
from millrace.stages.material.training_table import training_table
from millrace.stages.search.participants import participants
from millrace.stages.search.plan import Plan
from millrace.stages.search.running import run
from millrace.stages.search.trials import Budget
from millrace.stages.search.workbench import Workbench
from millrace.stages.search.workers import workers

MEMBERS: list[dict[str, Any]] = [
    *({"estimator": "ridge", "params": {"alpha": alpha}} for alpha in (0.1, 1.0, 10.0)),
    *({"estimator": "elastic_net", "params": {"alpha": alpha}} for alpha in (0.001, 0.01)),
    *(
        {"estimator": "hist_gradient_boosting", "params": {"max_iter": 60, "max_leaf_nodes": leaves}}
        for leaves in (7, 15, 31, 63, 127)
    ),
    *({"estimator": "xgboost", "params": {"n_estimators": 100, "max_depth": depth}} for depth in (3, 4, 5, 6, 7)),
    *({"estimator": "random_forest", "params": {"n_estimators": n, "max_depth": 8}} for n in (10, 20)),
    *({"estimator": "extra_trees", "params": {"n_estimators": n, "max_depth": 8}} for n in (10, 20, 30)),
]


def table(rows: int) -> pd.DataFrame:
    """Twenty columns, some of which matter, not in a straight line."""
    rng = np.random.default_rng(17)
    frame = pd.DataFrame(rng.normal(size=(rows, 20)), columns=[f"x{i}" for i in range(20)])
    frame["y"] = frame["x0"] * frame["x1"] + np.sin(3 * frame["x2"]) + frame["x3"] + rng.normal(0, 0.5, rows)
    return frame


def cpu_seconds() -> float:
    """CPU time of this process and of all its descendants."""
    own = psutil.Process()
    spent = 0.0
    for process in (own, *own.children(recursive=True)):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        spent += times.user + times.system
    return spent


def main() -> None:
    """Search once to start the workers, then measure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=100_000)
    given = parser.parse_args()
    document = {"name": "x", "source": {"type": "sample", "name": "air_quality"}, "task": "regression", "target": "y"}
    stack = {"estimator": "stacking", "members": MEMBERS}
    spec = PipelineSpec.model_validate({**document, "candidates": [stack], "split": {"by": "random"}})
    rows = training_table(table(given.rows), spec, lambda _: None)
    train, _ = held_out(rows, spec.splitting, stratify=False)
    recipes, entries = participants(spec, spec.candidates[0], rows.part(train)[0], {}, lambda _: None)
    bench = Workbench(rows, train, folds(rows, train, spec.splitting, stratify=False), recipes, None)
    with workers(bench, side_by_side=True) as busy:
        started_workers = [busy.submit("truth", 0) for _ in range(busy.size)]
        for future in started_workers:
            future.result()
        plan = Plan(entries, len(bench.folds), "rmse", Budget(len(entries)), greater_is_better=False, prune=False)
        began, spent = time.perf_counter(), cpu_seconds()
        run(plan, busy)
        wall, cpu = time.perf_counter() - began, cpu_seconds() - spent
    fits = sum(trial.seconds() for trial in plan.done)
    ideal = fits / busy.size
    what = f"{len(entries)} candidates x {len(bench.folds)} folds, {given.rows:,} rows"
    emit(
        Row(
            f"{what}: cores in use", f"{cpu / wall / busy.size:.1%}", f"{busy.size} cores, {wall:.0f} s", "", ">= 90 %"
        ),
        Row(
            f"{what}: search",
            f"{wall:.1f} s",
            f"its fits on {busy.size} cores {ideal:.1f} s",
            f"{wall / ideal:.2f}",
            "<= 1.1",
        ),
    )


if __name__ == "__main__":
    main()
