"""An installation on which forecasts are run stage by stage, and cities whose demand can be learnt."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from millrace.pipeline import perform, stages_of
from millrace.run_summary import run_summary
from millrace.settings import Settings
from millrace.spec.models import PipelineSpec
from millrace.stages.base import RunContext
from millrace.stages.outputs import Transformed
from millrace.stages.training.candidates import all_candidates
from millrace.stores.artifacts import S3ArtifactStore
from millrace.stores.model_registry import MlflowRegistry
from millrace.stores.mongo import MongoStore
from millrace.stores.runs import MongoRunStore

BEGAN = pd.Timestamp("2024-01-15", tz="UTC")
MEMBERS = [{"estimator": "day_vector"}, {"estimator": "lag_regression", "regressor": "linear", "lags": [1, 24, 168]}]


def cities(days: int, seed: int = 0) -> pd.DataFrame:
    """Two cities in Madrid's time, over the night in which the clocks go forward (31 March 2024)."""
    times = pd.date_range(BEGAN, periods=24 * days, freq="h")
    local = times.tz_convert("Europe/Madrid")
    frames = []
    for place, city in enumerate(("Bilbao", "Sevilla")):
        rng = np.random.default_rng(seed + place)
        course = 12 * np.sin(2 * np.pi * (local.hour - 6) / 24) - 8 * (local.dayofweek >= 5)
        demand = (place + 1) * (100 + course + rng.standard_normal(len(times)))
        frames.append(pd.DataFrame({"city": city, "at": times, "demand": demand}))
    return pd.concat(frames, ignore_index=True)


def spec_of(**parts: Any) -> PipelineSpec:
    document = {
        "name": "cities",
        "source": {"type": "sample", "name": "energy_demand"},
        "task": "forecast",
        "target": "demand",
        "forecast": {
            "series": "city",
            "time": "at",
            "frequency": "h",
            "horizon": 24,
            "timezone": "Europe/Madrid",
            "duplicates": "mean",
            "gaps": {"interpolate": 2},
            "backtest": {"held_out": 168, "choose": 336, "refit": 14},
        },
        "candidates": [{"estimator": "day_vector"}, {"estimator": "mean", "members": MEMBERS}],
    }
    return PipelineSpec.model_validate({**document, **parts})


class Bench:
    """One installation on which runs are made."""

    def __init__(self, settings: Settings) -> None:
        self.store = MongoStore(settings)
        self.runs, self.artifacts = MongoRunStore(settings), S3ArtifactStore(settings)
        self.registry = MlflowRegistry(settings)
        self.count = 0

    def run(self, spec: PipelineSpec, frame: pd.DataFrame) -> dict[str, Any]:
        self.count += 1
        run_id = f"{spec.name}--{self.count}"
        self.runs.create_run({"_id": run_id, "pipeline": spec.name, "status": "queued", "stages": {}})
        self.context = RunContext(run_id, spec, "spec-1", self.runs, self.artifacts, self.registry)
        table = Transformed(dataset=self.artifacts.write_dataset(spec.name, [frame]))
        outputs: dict[str, Any] = {"transform": table.model_dump(mode="json")}
        for stage in stages_of(spec)[3:]:
            if stage == "train":
                labels = list(all_candidates(spec))
                outputs[stage] = [perform(self.context, stage, outputs, label) for label in labels]
            else:
                outputs[stage] = perform(self.context, stage, outputs)
        return outputs

    def documents(self) -> list[dict[str, Any]]:
        return list(self.store.collection("forecasts").find().sort("_id"))

    def warnings(self) -> list[str]:
        return run_summary(self.runs.get_run(self.context.run_id))["warnings"]
