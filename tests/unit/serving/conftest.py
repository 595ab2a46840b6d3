"""Model folders as MLflow writes them, made once."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from served_tables import mixed, mixed_inputs, mixed_table, table
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skops.io import dumps

from millrace.settings import Settings
from millrace.stores.base import ModelVersion
from serving.app import create_app
from serving.runtime.model_files import ModelFiles

__all__ = ["mixed", "mixed_inputs", "mixed_table", "table"]  # fixtures of other tests too


def version_of(name: str, number: str, run_id: str = "run-1") -> ModelVersion:
    """A version's card."""
    return ModelVersion(
        name=name, version=number, uri=f"models:/{name}/{number}", run_id=run_id, created="2026-01-01T00:00:00+00:00"
    )


@lru_cache(maxsize=64)
def stored(estimator) -> bytes:
    """The skops file of an estimator; the shared ones are written by many tests."""
    return dumps(estimator)


def write_model(
    folder: Path,
    estimator,
    metadata: dict,
    *,
    example: list | None = None,
    signature: bool = True,
    columns: list[dict] | None = None,
) -> Path:
    """A folder with MLmodel, the skops file and the input example, in MLflow's form."""
    from ruamel.yaml import YAML

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.skops").write_bytes(stored(estimator))
    columns = columns or [{"name": name, "type": "double", "required": True} for name in "ab"]
    document = {
        "flavors": {"sklearn": {"pickled_model": "model.skops", "serialization_format": "skops"}},
        "metadata": metadata,
        "signature": {"inputs": json.dumps(columns)} if signature else None,
        "saved_input_example_info": {"artifact_path": "input_example.json", "pandas_orient": "split"},
    }
    YAML(typ="safe", pure=True).dump(document, folder / "MLmodel")
    table = {"columns": [c["name"] for c in columns], "data": example or [[None, 2.0], [1.0, 2.0]]}
    (folder / "input_example.json").write_text(json.dumps(table))
    return folder


@pytest.fixture(scope="module", autouse=True)
def _in_this_process():
    """A process for each service of a test takes seconds; the integration tests have them."""
    with pytest.MonkeyPatch.context() as patch:  # of a file, so that also a service which it shares has none
        patch.setenv("SERVING_APART", "false")
        yield


@pytest.fixture(scope="session")
def card():
    """Makes a version's card."""
    return version_of


@pytest.fixture(scope="session")
def writer():
    """Writes a model's folder."""
    return write_model


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


@pytest.fixture(scope="session")
def restored():
    """Makes a service that has restored some models (name to estimator and metadata); nothing else is there."""

    def make(home: Path, models: dict):
        files = ModelFiles(home / "models")
        for name, (estimator, metadata, *options) in models.items():
            version, further = version_of(name, "3"), options[0] if options else {}
            files.fetch(version, lambda _, folder, e=estimator, m=metadata, f=further: write_model(folder, e, m, **f))
            files.keep(version)
        app = create_app(
            Settings(
                millrace_home=home,
                millrace_port_base=30000,
                mongodb_uri="mongodb://127.0.0.1:9/?serverSelectionTimeoutMS=200",
                s3_endpoint_url="http://127.0.0.1:9",
                mlflow_tracking_uri="http://127.0.0.1:9",
            )
        )
        app.state.services.manager.restore()
        return app

    return make
