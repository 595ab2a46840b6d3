"""One table through the real stages with `candidates: auto`: the held-out figure, and the rows for others to try.

Needs the embedded stores, which it starts where they do not run.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from tables import OWN_SPECS, Table

from millrace.local.stores import stores_running
from millrace.pipeline import new_run_id, open_context, run_pipeline
from millrace.settings import get_settings
from millrace.spec.catalogue import load_spec
from millrace.stages.base import RunContext
from millrace.stages.material.held_out import Material, material
from millrace.stages.outputs import Transformed

DATA = Path(os.environ.get("DATA_DIR") or Path(__file__).parents[3].parent / "shared" / "data")


@dataclass(frozen=True)
class Found:
    """What one run gave: the chosen model's figure with its interval, plain baselines, and how it was made."""

    value: float
    interval: list[float] | None
    seconds: float
    compiled: str
    report: dict[str, Any]
    rows: Material


def context_of(table: Table, seconds: float, seed: int | None = None) -> RunContext:
    """An open run of the table's spec; the stores must be running."""
    os.environ["DATA_DIR"] = str(DATA)
    written = OWN_SPECS.get(table.spec)
    if written is None:
        written = yaml.safe_load((Path(__file__).parents[3] / "include/pipelines" / f"{table.spec}.yaml").read_text())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "spec.yaml"
        path.write_text(yaml.safe_dump(table.document(written, seconds, seed)))
        loaded = load_spec(path)
    return open_context(loaded, new_run_id(loaded.spec), settings=get_settings(), use_cache=False)


def through_the_stages(table: Table, seconds: float, seed: int | None = None) -> Found:
    """Run the pipeline. Raises RuntimeError with the run's own sentence where it fails."""
    with stores_running(get_settings()):
        context = context_of(table, seconds, seed)
        summary = run_pipeline(context)
        if summary["status"] != "success":
            raise RuntimeError(str(summary["error"]))
        stages = context.runs.get_run(context.run_id)["stages"]
        rows = material(context, Transformed.model_validate(stages["transform"]["output"]))
    auto = next(one for one in summary["candidates"] if one["name"] == "auto")
    trained = stages["train:auto"]
    return Found(
        auto["metrics"][table.metric],
        auto.get("intervals", {}).get(table.metric),
        trained["seconds"],
        (summary["compiled"] or {}).get("status", "none"),
        trained["output"]["report"],
        rows,
    )


def as_features(rows: Material) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Training and held-out rows after the feature steps, the target in `target`: what other tools are given."""
    from millrace.features.row_features import RowFeatures

    steps = [step.model_dump(mode="json", by_alias=True) for step in rows.spec.features]
    inputs, target = rows.training()
    features = RowFeatures(steps).fit(inputs)
    frames = []
    for part, truth in ((inputs, target), rows.testing()):
        made = features.transform(part).select_dtypes(exclude="datetime").reset_index(drop=True)
        frames.append(made.assign(target=truth))
    return frames[0], frames[1]
