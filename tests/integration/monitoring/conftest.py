"""A pipeline that was trained once and serves, and ways to let time pass for it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from millrace.pipeline import new_run_id, open_context, run_pipeline
from millrace.settings import Settings
from millrace.spec.catalogue import LoadedSpec, load_spec
from millrace.spec.models import PipelineSpec
from millrace.stages.monitor import monitor, open_monitor
from millrace.stages.monitoring.context import Monitored
from millrace.stores.mongo import MongoStore
from millrace.stores.predictions import PredictionStore

NAME = "mill"
SPEC = """
name: mill
source: {{type: file, path: "{table}", format: csv}}
task: regression
target: flow
split: {{by: random, test: 0.2}}
candidates: [{{estimator: ridge}}]
monitoring: {monitoring}
"""
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def mill_table(rows: int, seed: int, shift: float = 0.0) -> pd.DataFrame:
    """What drives a mill: two numbers, one with gaps, a category, a flag."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "level": rng.normal(2 + shift, 0.5, rows),
            "wheels": rng.integers(1, 5, rows) + round(2 * shift),
            "wind": np.where(rng.random(rows) < 0.1, np.nan, rng.gamma(2, 2 + 3 * shift, rows)),
            "gate": rng.choice(["open", "half", "shut"], rows, p=[0.6, 0.3, 0.1] if not shift else [0.1, 0.1, 0.8]),
            "night": rng.random(rows) < 0.4,
        }
    )
    frame["flow"] = 3 * frame["level"] + frame["wheels"] + (frame["gate"] == "open") + rng.normal(0, 0.2, rows)
    return frame


@dataclass
class Mill:
    """The installation with its pipeline."""

    settings: Settings
    folder: Path
    loaded: LoadedSpec
    checks: int = 0
    model: Any = field(default=None)

    def train(self, table: pd.DataFrame | None = None) -> dict[str, Any]:
        if table is not None:
            table.to_csv(self.folder / "table.csv", index=False)
        run = open_context(self.loaded, new_run_id(self.loaded.spec), settings=self.settings)
        return run_pipeline(run)

    @cached_property
    def registry(self) -> Any:
        from millrace.stores.model_registry import MlflowRegistry

        return MlflowRegistry(self.settings)

    @property
    def version(self) -> Any:
        champion = self.registry.champion(NAME)
        assert champion is not None
        return champion

    def answers(self, inputs: pd.DataFrame) -> list[float]:
        if self.model is None:
            self.model = self.registry.load(self.version)
        return [float(value) for value in self.model.predict(inputs)]

    def ask(self, table: pd.DataFrame, start: datetime, outputs: list[Any] | None = None) -> list[str]:
        """The service answers these rows, one a second."""
        inputs = table.drop(columns="flow")
        outputs = self.answers(inputs) if outputs is None else outputs
        return log_predictions(PredictionStore(self.settings), NAME, self.version.version, inputs, outputs, start)

    def check(self, now: datetime, run_id: str | None = None, **monitoring: Any) -> Monitored:
        self.checks += 1
        document = {**self.loaded.document, "monitoring": {"drift": True, "window": "1h", **monitoring}}
        spec = PipelineSpec.model_validate(document)
        context = open_monitor(spec, run_id or f"monitoring.mill--{self.checks}", self.settings, now)
        assert context is not None
        return monitor(context)

    def alerts(self, status: str | None = None) -> list[tuple[str, str, str]]:
        from millrace.stores.alerts import AlertStore

        found = AlertStore(self.settings).find(NAME, status)
        return sorted((alert["kind"], alert["subject"], alert["severity"]) for alert in found)

    def clear(self, *collections: str) -> None:
        store = MongoStore(self.settings)
        for name in collections:
            store.collection(name).delete_many({})


def log_predictions(
    store: PredictionStore, model: str, version: str, inputs: pd.DataFrame, outputs: list[Any], start: datetime
) -> list[str]:
    """Write predictions as the service leaves them, one a second; the request ids in the order of the rows."""
    columns = {name: [_plain(value) for value in inputs[name]] for name in inputs.columns}
    ids = [uuid.uuid4().hex for _ in outputs]
    buckets = []
    for first in range(0, len(outputs), 60):
        place = slice(first, first + 60)
        count = len(outputs[place])
        times = [start + timedelta(seconds=first + second) for second in range(count)]
        about = {"model": model, "version": version, "variant": "champion", "count": count}
        buckets.append(
            {
                "_id": uuid.uuid4().hex,
                **about,
                "at": times[0],
                "until": times[-1],
                "times": times,
                "request_ids": ids[place],
                "rows": [0] * count,
                "callers": ["test"] * count,
                "latency_ms": [1.0] * count,
                "features": {name: values[place] for name, values in columns.items()},
                "outputs": outputs[place],
            }
        )
    assert store.insert(buckets) == []
    return ids


def _plain(value: Any) -> Any:
    if value is None or value is pd.NaT or value != value:
        return None
    return value.to_pydatetime() if isinstance(value, pd.Timestamp) else getattr(value, "item", lambda: value)()


@pytest.fixture
def table() -> Callable[..., pd.DataFrame]:
    """Makes tables: rows, seed, shift."""
    return mill_table


@pytest.fixture
def log() -> Callable[..., list[str]]:
    """Writes predictions: store, model, version, inputs, outputs, start."""
    return log_predictions


@pytest.fixture(scope="module")
def trained(new_installation: Callable[[Path], Settings], tmp_path_factory: pytest.TempPathFactory) -> Mill:
    """The pipeline, trained once for all tests of a file."""
    folder = tmp_path_factory.mktemp("mill")
    settings = new_installation(folder / "home")
    mill_table(3_000, 0).to_csv(folder / "table.csv", index=False)
    path = folder / "mill.yaml"
    path.write_text(SPEC.format(table=folder / "table.csv", monitoring="{drift: true, retrain: on_drift}"))
    mill = Mill(settings, folder, load_spec(path))
    summary = mill.train()
    assert summary["promoted"], summary
    return mill


@pytest.fixture
def mill(trained: Mill) -> Mill:
    """The trained pipeline without predictions, alerts or retrainings."""
    trained.clear("predictions", "feedback", "alerts", "monitoring_reports", "retrainings")
    return trained
