"""One running stack for the tests of this folder, none of which stops or kills a part of it.

It has every example pipeline, and `mill` beside them. The tests look only at the runs of their own pipelines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from installation import PROJECT, Installation

EXAMPLES = PROJECT / "include" / "pipelines"
MILL = """
name: mill
source: {{type: file, path: "{table}", format: csv}}
task: regression
target: flow
split: {{by: random, test: 0.2}}
candidates: [{{estimator: ridge}}]
monitoring: {{drift: true, schedule: "0 0 1 1 *", retrain: on_drift, cooldown: 1h}}
"""


def table(rows: int, shift: float = 0.0) -> pd.DataFrame:
    rng = np.random.default_rng(int(shift))
    frame = pd.DataFrame({name: rng.normal(shift, 1, rows) for name in ("level", "wind", "heat")})
    return frame.assign(flow=frame.sum(axis="columns") + rng.normal(0, 0.1, rows))


@pytest.fixture(scope="package")
def mill_table() -> Callable[..., pd.DataFrame]:
    """Rows of the table of `mill`, shifted by so much."""
    return table


@pytest.fixture(scope="package")
def examples() -> dict[str, str]:
    """The specs of the example pipelines by their names."""
    return {path.stem: path.read_text() for path in EXAMPLES.glob("*.yaml")}


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory, data_dir: Path, examples: dict[str, str]) -> Iterator[Installation]:
    """The running stack."""
    folder = tmp_path_factory.mktemp("shared")
    table(2_000).to_csv(folder / "table.csv", index=False)
    mill = MILL.format(table=folder / "table.csv")
    installed = Installation(folder, {**examples, "mill": mill}, DATA_DIR=str(data_dir))
    try:
        installed.done("up", "--detach")
        yield installed
    finally:
        installed.stop()
