"""The tables of the comparison: which published spec, what is changed in it, and the figure that is wanted.

Nothing in the changes was chosen on held-out rows: candidates and budget become `auto`, and a spec with two targets
becomes one for each of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SECONDS = 60


@dataclass(frozen=True)
class Table:
    """A table, its metric, what plain scikit-learn gave, and the goal."""

    name: str
    spec: str
    metric: str
    plain: str
    goal: float
    greater_is_better: bool
    changes: Mapping[str, Any] = field(default_factory=dict)

    def document(self, written: Mapping[str, Any], seconds: float, seed: int | None = None) -> dict[str, Any]:
        """The spec of this row: the published one with `candidates: auto` and a budget; without schedule and limit."""
        split = {**written["split"], **({} if seed is None else {"seed": seed})}
        return {
            **{
                key: value for key, value in written.items() if key not in {"schedule", "monitoring", "serving", "load"}
            },
            "name": f"bench-{self.name}",
            "split": split,
            "candidates": "auto",
            "search": {"seconds": seconds, "warm_start": False},
            "promotion": {"metric": self.metric},
            **self.changes,
        }


def _one_target(target: str, other: str) -> dict[str, Any]:
    return {
        "target": target,
        "transform": [{"step": "drop_columns", "columns": [other]}],
        "expectations": [{"expect": "expect_column_values_to_be_between", "column": target, "min_value": 0}],
    }


WINE = {
    "name": "wine",
    "source": {
        "type": "file",
        "path": "${DATA_DIR}/general/winequality-white.csv",
        "format": "csv",
        "read": {"sep": ";"},
    },
    "transform": [{"step": "drop_duplicates"}],
    "task": "regression",
    "target": "quality",
    "split": {"by": "random", "test": 0.2},
}

TABLES = {
    table.name: table
    for table in (
        Table("air", "air-quality-co", "rmse", "linear .496, random forest .571", 0.470, False),
        Table("enb-y1", "building-energy", "rmse", ".479", 0.39, False, _one_target("Y1", "Y2")),
        Table("enb-y2", "building-energy", "rmse", "1.12", 0.70, False, _one_target("Y2", "Y1")),
        Table("traffic", "traffic-ahead", "f1_macro", ".581", 0.60, True),
        Table("wine", "wine", "r2", ".338", 0.36, True),
        Table("penguins", "penguins", "accuracy", ".986", 0.990, True),
    )
}
OWN_SPECS = {"wine": WINE}
