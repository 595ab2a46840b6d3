"""Fixtures: tables with fields of every kind, and Pipelines fitted to them as training fits them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from millrace.features.row_features import RowFeatures


@pytest.fixture(scope="session")
def table() -> pd.DataFrame:
    """Two inputs."""
    random = np.random.default_rng(7)
    return pd.DataFrame({"a": random.normal(size=60), "b": random.normal(size=60)})


MIXED_COLUMNS = [
    {"name": "T", "type": "double", "required": True},
    {"name": "RH", "type": "double", "required": False},
    {"name": "wheels", "type": "long", "required": True},
    {"name": "open", "type": "boolean", "required": True},
    {"name": "district", "type": "string", "required": False},
    {"name": "observed_at", "type": "datetime", "required": True},
]
MIXED_EXAMPLE = [
    [15.0, 40.0, 3, True, "north", "2024-01-31T13:00:00.000000Z"],
    [21.5, 61.0, 1, False, "south", "2024-02-01T07:00:00.000000Z"],
    [9.25, 80.0, 4, True, "south", "2024-02-02T23:00:00.000000Z"],
]


@pytest.fixture(scope="session")
def mixed_table() -> pd.DataFrame:
    """A field of each kind, two of them with gaps."""
    random, count = np.random.default_rng(3), 80
    table = pd.DataFrame(
        {
            "T": random.normal(15, 5, count),
            "RH": random.uniform(20, 90, count),
            "wheels": random.integers(1, 5, count),
            "open": random.choice([True, False], count),
            "district": random.choice(["north", "south"], count),
            "observed_at": pd.date_range("2024-01-01", periods=count, freq="h"),
        }
    )
    table.loc[3, "RH"], table.loc[5, "district"] = np.nan, None
    return table


@pytest.fixture(scope="session")
def mixed_inputs():
    """What `restored` needs to know of the table's fields."""
    return {"columns": MIXED_COLUMNS, "example": MIXED_EXAMPLE}


@pytest.fixture(scope="session")
def mixed(mixed_table):
    """Fits a Pipeline as training makes one: feature steps, encoding, and the given estimator."""

    def fit(estimator, truth=None):
        steps = [
            {"step": "calendar", "column": "observed_at", "parts": ["hour"], "cyclic": True},
            {"step": "ratio", "left": "T", "right": "RH", "as": "dryness"},
        ]
        numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
        names = ["T", "RH", "wheels", "open", "observed_at_hour_sin", "observed_at_hour_cos", "dryness"]
        encode = ColumnTransformer(
            [
                ("numbers", numbers, names),
                ("categories", OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["district"]),
            ],
            verbose_feature_names_out=False,
        )
        model = Pipeline([("features", RowFeatures(steps)), ("encode", encode), ("model", estimator)])
        default = 10 * mixed_table["T"] + 5 * mixed_table["wheels"] + 30 * (mixed_table["district"] == "north")
        return model.fit(mixed_table, default if truth is None else truth)

    return fit
