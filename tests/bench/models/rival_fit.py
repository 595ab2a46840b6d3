"""Runs within a rival's own environment: learns from train.parquet, predicts test.parquet; it imports no Millrace."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pandas as pd

SEED = 17
FLAML = {"rmse": "rmse", "r2": "r2", "accuracy": "accuracy", "f1_macro": "macro_f1"}
AUTOGLUON = {"rmse": "root_mean_squared_error", "r2": "r2", "accuracy": "accuracy", "f1_macro": "f1_macro"}


def flaml(train: pd.DataFrame, test: pd.DataFrame, task: str, metric: str, seconds: float) -> Any:
    """FLAML with its defaults."""
    from flaml import AutoML

    model = AutoML()
    text = train.select_dtypes("object").columns.drop("target", errors="ignore")
    train, test = (frame.assign(**{name: frame[name].astype("category") for name in text}) for frame in (train, test))
    model.fit(
        train.drop(columns="target"),
        train["target"],
        task=task,
        metric=FLAML[metric],
        time_budget=seconds,
        seed=SEED,
        verbose=0,
    )
    return model.predict(test)


def autogluon(train: pd.DataFrame, test: pd.DataFrame, task: str, metric: str, seconds: float) -> Any:
    """AutoGluon with its default preset."""
    from autogluon.tabular import TabularPredictor

    kind = "regression" if task == "regression" else None
    predictor = TabularPredictor(label="target", eval_metric=AUTOGLUON[metric], problem_type=kind, verbosity=0)
    return predictor.fit(train, time_limit=seconds).predict(test)


def main() -> None:
    """`rival_fit.py NAME FOLDER TASK METRIC SECONDS`."""
    name, folder, task, metric, seconds = sys.argv[1], Path(sys.argv[2]), *sys.argv[3:5], float(sys.argv[5])
    train, test = (pd.read_parquet(folder / f"{part}.parquet") for part in ("train", "test"))
    fit = {"flaml": flaml, "autogluon": autogluon}[name]
    found = fit(train, test.drop(columns="target"), task, metric, seconds)
    (folder / "predictions.json").write_text(json.dumps(pd.Series(found).reset_index(drop=True).tolist()))


if __name__ == "__main__":
    main()
