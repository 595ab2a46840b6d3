"""A forecast spec through the real stages, and its held-out steps with the answers of each candidate."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from ours import DATA

from millrace.local.stores import stores_running
from millrace.pipeline import new_run_id, open_context, run_pipeline
from millrace.settings import get_settings
from millrace.spec.catalogue import LoadedSpec, load_spec
from millrace.stages.material.forecast_material import ForecastMaterial, forecast_material
from millrace.stages.outputs import Transformed
from millrace.stores.model_format import model_from_bytes

PIPELINES = Path(__file__).parents[3] / "include" / "pipelines"


@dataclass(frozen=True)
class ForecastRun:
    """One run: the candidate that the steps before the held-out ones chose, every candidate's metrics and answers."""

    best: str
    metrics: dict[str, dict[str, float]]
    intervals: dict[str, list[float]]
    seconds: float
    steps: pd.DataFrame
    """A row for each held-out step: series, timestamp, horizon, truth, scale, and each candidate's forecast."""


AUTO = {"candidates": "auto", "search": {"seconds": 60, "warm_start": False}}
"""What takes the place of a spec's candidates where `auto` is measured."""


def forecast_run(name: str, **changes: Any) -> ForecastRun:
    """Run the spec of this name, as it stands or with changes; those of `forecast` leave its other keys.

    Raises RuntimeError with the run's own sentence where it fails.
    """
    os.environ["DATA_DIR"] = str(DATA)
    with stores_running(get_settings()):
        loaded = _changed(PIPELINES / f"{name}.yaml", changes)
        context = open_context(loaded, new_run_id(loaded.spec), settings=get_settings(), use_cache=False)
        summary = run_pipeline(context)
        if summary["status"] != "success":
            raise RuntimeError(str(summary["error"]))
        stages = context.runs.get_run(context.run_id)["stages"]
        rows = forecast_material(context, Transformed.model_validate(stages["transform"]["output"]))
        trained = {key.partition(":")[2]: stage for key, stage in stages.items() if key.startswith("train:")}
        models = {
            label: model_from_bytes(context.artifacts.get_bytes(stage["output"]["model_uri"]), label)
            for label, stage in trained.items()
        }
    return ForecastRun(
        best=summary["best"],
        metrics={one["name"]: one["metrics"] for one in summary["candidates"]},
        intervals=next(one for one in summary["candidates"] if one["name"] == summary["best"])["intervals"],
        seconds=sum(stage["seconds"] for stage in trained.values()),
        steps=_steps(rows, models),
    )


def _changed(path: Path, changes: dict[str, Any]) -> LoadedSpec:
    if not changes:
        return load_spec(path)
    written = yaml.safe_load(path.read_text())
    changes = {**changes, "forecast": {**written["forecast"], **changes.get("forecast", {})}}
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / path.name
        copy.write_text(yaml.safe_dump({**written, **changes}))
        return load_spec(copy)


def _steps(rows: ForecastMaterial, models: dict[str, Any]) -> pd.DataFrame:
    described, truth = rows.testing()
    answers = {label: rows.score(model)[1].values[:, 0] for label, model in models.items()}
    return described.assign(truth=truth[:, 0], scale=truth[:, 1], **answers)
