"""The model that is served in every measure: a random forest of 100 trees of depth 15 on 12 numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestRegressor
from sklearn.pipeline import make_pipeline

from millrace.compiled.form import compiled_form
from millrace.features.row_features import RowFeatures
from millrace.stores.base import CACHE_TAG, ModelVersion
from millrace.stores.model_folder import write_model_folder
from millrace.stores.model_format import model_bytes
from millrace.stores.tracking import NewVersion
from serving.runtime.model_files import ModelFiles

FIELDS = [f"sensor_{number}" for number in range(12)]
TRAINED_ON = 4_000


def table(rows: int, seed: int = 1) -> pd.DataFrame:
    """Rows of twelve numbers."""
    return pd.DataFrame(np.random.default_rng(seed).normal(size=(rows, len(FIELDS))), columns=FIELDS)


def fitted(scale: float = 1.0):
    """The Pipeline, as training makes one, of truths times `scale`."""
    inputs = table(TRAINED_ON)
    truth = inputs["sensor_0"] * inputs["sensor_1"] + np.sin(3 * inputs["sensor_2"]) + inputs["sensor_3"]
    features = RowFeatures([])
    features.fit(inputs)
    encode = make_column_transformer(("passthrough", FIELDS))
    return make_pipeline(features, encode, RandomForestRegressor(100, max_depth=15, random_state=0)).fit(
        inputs, scale * truth
    )


def keep(home: Path, name: str, model, *, compiled: bool, cache_seconds: int = 0) -> None:
    """Put a version where the service restores its models from."""
    example = table(3, seed=2)
    form = compiled_form(model, table(1_000, seed=3)) if compiled else None
    if form is not None and form.content is None:
        raise RuntimeError(f"the model was not compiled: {form.report.reason}")
    new = NewVersion(
        name=name,
        mlflow_run_id="bench",
        content=model_bytes(model),
        tags={},
        metadata={"task": "regression", "targets": ["y"]},
        example=example,
        prediction=model.predict(example),
        kinds=dict.fromkeys(FIELDS, "number"),
        files=form.files() if form is not None else {},
    )
    about = {"uri": f"models:/{name}/1", "run_id": "bench", "created": "2026-01-01"}
    version = ModelVersion(name=name, version="1", tags={CACHE_TAG: str(cache_seconds)}, **about)
    files = ModelFiles(home / "models")
    files.fetch(version, lambda _, folder: write_model_folder(folder, new, "bench"))
    files.keep(version)
