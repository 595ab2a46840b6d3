"""One installation on which whole trainings are run, with a table whose truth is known."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from millrace.connections import mongo_client
from millrace.settings import Settings
from millrace.spec.models import PipelineSpec
from millrace.stages.base import RunContext
from millrace.stages.evaluate import evaluate
from millrace.stages.outputs import Evaluated, Registered, Transformed
from millrace.stages.register import register
from millrace.stages.train import train
from millrace.stages.training.candidates import all_candidates
from millrace.stores.artifacts import S3ArtifactStore
from millrace.stores.audit_log import MongoAuditLog
from millrace.stores.live_quality import LiveQualityStore
from millrace.stores.model_registry import MlflowRegistry
from millrace.stores.predictions import PredictionStore
from millrace.stores.runs import MongoRunStore


class Bench:
    """One installation on which runs are made."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.runs, self.artifacts = MongoRunStore(settings), S3ArtifactStore(settings)
        self.registry, self.predictions = MlflowRegistry(settings), PredictionStore(settings)
        self.audit, self.state = MongoAuditLog(settings), LiveQualityStore(settings)
        self.count = 0

    def table(self, rows: int = 1_000, seed: int = 0, warmer: float = 0.0, noise: float = 1.0) -> pd.DataFrame:
        """Rows in the order of time: `load` follows `heat` and `wind`, and some noise."""
        rng = np.random.default_rng(seed)
        heat, wind = rng.normal(20 + warmer, 5, rows), rng.normal(0, 1, rows)
        at = pd.date_range("2024-01-01", periods=rows, freq="h", tz="UTC")
        load = 2 * heat + wind + rng.normal(0, noise, rows)
        return pd.DataFrame({"at": at, "heat": heat, "wind": wind, "load": load})

    def spec(self, **parts: Any) -> PipelineSpec:
        document = {
            "name": "weather",
            "source": {"type": "sample", "name": "air_quality"},
            "task": "regression",
            "target": "load",
            "split": {"by": "time", "column": "at", "test": 0.3},
            "candidates": [{"estimator": "ridge"}],
        }
        return PipelineSpec.model_validate({**document, **parts})

    def run(self, spec: PipelineSpec, frame: pd.DataFrame) -> tuple[RunContext, Evaluated, Registered]:
        self.count += 1
        run_id = f"{spec.name}--{self.count}"
        self.runs.create_run({"_id": run_id, "pipeline": spec.name, "status": "queued", "stages": {}})
        context = RunContext(run_id, spec, "spec-1", self.runs, self.artifacts, self.registry)
        table = Transformed(dataset=self.artifacts.write_dataset(spec.name, [frame]))
        trained = [train(context, table, label) for label in all_candidates(spec)]
        evaluated = evaluate(context, table, trained)
        return context, evaluated, register(context, table, trained, evaluated)

    def serve(self, version: str, frame: pd.DataFrame, at: datetime, *, target: str = "load") -> None:
        """Log the answers of a version to these rows, one a second until `at`, and tell their truths."""
        chosen = next(known for known in self.registry.versions("weather") if known.version == version)
        inputs = frame.drop(columns=target)
        outputs = np.asarray(self.registry.load(chosen).predict(inputs)).tolist()
        for start in range(0, len(frame), 50):
            part = slice(start, start + 50)
            times = [at - timedelta(seconds=len(frame) - place) for place in range(start, start + len(inputs[part]))]
            identity = f"{version}-{at:%d%H%M}-{start}"
            columns = {name: inputs[part][name].tolist() for name in inputs if name != "at"}
            moments = {"at": [moment.to_pydatetime() for moment in inputs[part]["at"]]} if "at" in inputs else {}
            self.predictions.insert([_bucket(identity, version, times, {**columns, **moments}, outputs[part])])
            truths = frame[target][part].tolist()
            self.predictions.collection("feedback").insert_many(
                {"_id": f"request/{identity}/{row}", "truth": truth, "updated_at": at}
                for row, truth in enumerate(truths)
            )


def _bucket(
    identity: str, version: str, times: list[datetime], features: dict[str, list[Any]], outputs: list[Any]
) -> dict[str, Any]:
    count = len(times)
    return {
        "_id": identity,
        "model": "weather",
        "version": version,
        "variant": "champion",
        "at": min(times),
        "until": max(times),
        "count": count,
        "request_ids": [identity] * count,
        "rows": list(range(count)),
        "times": times,
        "callers": ["anonymous"] * count,
        "latency_ms": [1.0] * count,
        "features": features,
        "outputs": outputs,
    }


@pytest.fixture
def bench(settings: Settings) -> Bench:
    return Bench(settings)


@pytest.fixture(scope="module")
def standing(new_installation: Callable[[Path], Settings], tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A bench for what all tests of a file begin with; a test takes a twin of it."""
    return Bench(new_installation(tmp_path_factory.mktemp("standing") / "home"))


@pytest.fixture
def twin(tmp_path: Path) -> Callable[[Bench], Bench]:
    """Makes an installation with another one's records and models, which lie in the same bucket."""

    def make(first: Bench) -> Bench:
        name = f"t{uuid.uuid4().hex[:12]}"
        changes = {"millrace_home": tmp_path / "twin", "mongodb_database": name}
        shutil.copytree(first.settings.millrace_home, tmp_path / "twin")
        client = mongo_client(first.settings)
        records = client[first.settings.mongodb_database]
        for collection in records.list_collection_names():
            if documents := list(records[collection].find()):
                client[name][collection].insert_many(documents)
        made = Bench(first.settings.model_copy(update=changes))
        made.count = first.count
        return made

    return make
