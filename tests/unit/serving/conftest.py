"""Model folders as MLflow writes them, made once."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skops.io import dump

from millrace.stores.base import ModelVersion


def version_of(name: str, number: str, run_id: str = "run-1") -> ModelVersion:
    """A version's card."""
    return ModelVersion(
        name=name, version=number, uri=f"models:/{name}/{number}", run_id=run_id, created="2026-01-01T00:00:00+00:00"
    )


def write_model(
    folder: Path, estimator, metadata: dict, *, example: list | None = None, signature: bool = True
) -> Path:
    """A folder with MLmodel, the skops file and the input example, in MLflow's form."""
    from ruamel.yaml import YAML

    folder.mkdir(parents=True, exist_ok=True)
    dump(estimator, folder / "model.skops")
    columns = [
        {"name": "a", "type": "double", "required": True},
        {"name": "b", "type": "double", "required": True},
    ]
    document = {
        "flavors": {"sklearn": {"pickled_model": "model.skops", "serialization_format": "skops"}},
        "metadata": metadata,
        "signature": {"inputs": json.dumps(columns)} if signature else None,
        "saved_input_example_info": {"artifact_path": "input_example.json", "pandas_orient": "split"},
    }
    YAML(typ="safe", pure=True).dump(document, folder / "MLmodel")
    table = {"columns": ["a", "b"], "data": example or [[None, 2.0], [1.0, 2.0]]}
    (folder / "input_example.json").write_text(json.dumps(table))
    return folder


@pytest.fixture(scope="session")
def card():
    """Makes a version's card."""
    return version_of


@pytest.fixture(scope="session")
def writer():
    """Writes a model's folder."""
    return write_model


@pytest.fixture(scope="session")
def table() -> pd.DataFrame:
    """Two inputs."""
    random = np.random.default_rng(7)
    return pd.DataFrame({"a": random.normal(size=60), "b": random.normal(size=60)})


@pytest.fixture(scope="session")
def regression(table):
    """One target: 2a - b."""
    return make_pipeline(StandardScaler(), LinearRegression()).fit(table, 2 * table["a"] - table["b"])


@pytest.fixture(scope="session")
def two_targets(table):
    """Two targets: 2a - b and a + b."""
    targets = pd.DataFrame({"Y1": 2 * table["a"] - table["b"], "Y2": table["a"] + table["b"]})
    return make_pipeline(StandardScaler(), LinearRegression()).fit(table, targets)


@pytest.fixture(scope="session")
def classifier(table):
    """Classes `high` and `low` by the sign of a."""
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(table, np.where(table["a"] > 0, "high", "low"))
