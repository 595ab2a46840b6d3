"""What a table with more rows than `training.max_rows` becomes, on the embedded servers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from millrace.errors import TrainingError
from millrace.settings import Settings
from millrace.spec.models import PipelineSpec
from millrace.stages.base import RunContext
from millrace.stages.material.row_limit import limited_frame
from millrace.stages.outputs import Transformed, Validated
from millrace.stages.train import train
from millrace.stages.transform import transform
from millrace.stores.artifacts import S3ArtifactStore
from millrace.stores.model_registry import MlflowRegistry
from millrace.stores.runs import MongoRunStore

pytestmark = pytest.mark.integration
ROWS = 1_500


def table(rows: int = ROWS) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"at": pd.date_range("2024-01-01", periods=rows, freq="h", tz="UTC"), "x": rng.normal(size=rows)}
    )
    frame["y"] = 3 * frame["x"] + rng.normal(size=rows) / 10
    return frame.sample(frac=1, random_state=1).reset_index(drop=True)


def spec_of(**training: Any) -> PipelineSpec:
    return PipelineSpec.model_validate(
        {
            "name": "large",
            "source": {"type": "sample", "name": "air_quality"},
            "task": "regression",
            "target": "y",
            "split": {"by": "time", "column": "at"},
            "candidates": [{"estimator": "ridge"}],
            "training": training,
        }
    )


def read(store: S3ArtifactStore, frame: pd.DataFrame, **training: Any) -> tuple[pd.DataFrame, list[str]]:
    heard: list[str] = []
    dataset = store.open_dataset(store.write_dataset("large", [frame]).uri)
    return limited_frame(dataset, spec_of(**training), heard.append), heard


def test_a_table_within_the_limit_is_whole(artifact_store: S3ArtifactStore) -> None:
    frame, heard = read(artifact_store, table(), max_rows=ROWS)
    pd.testing.assert_frame_equal(frame, table(), check_dtype=False)
    assert heard == []


def test_a_larger_one_is_refused_where_nothing_is_declared(artifact_store: S3ArtifactStore) -> None:
    with pytest.raises(TrainingError, match=r"1,500 rows, more than the 400 of training\.max_rows"):
        read(artifact_store, table(), max_rows=400)


def test_a_sample_is_the_same_each_time_in_the_tables_order_and_said(artifact_store: S3ArtifactStore) -> None:
    one, heard = read(artifact_store, table(), max_rows=400, beyond="sample")
    other, _ = read(artifact_store, table(), max_rows=400, beyond="sample", seed=18)
    pd.testing.assert_frame_equal(one, read(artifact_store, table(), max_rows=400, beyond="sample")[0])
    places = {value: place for place, value in enumerate(table()["x"])}
    assert sorted(places[value] for value in one["x"]) == [places[value] for value in one["x"]]
    assert len(one) == 400
    assert set(one["x"]) != set(other["x"])
    assert heard == ["The table has 1,500 rows; a seeded sample of 400 are learnt from (training.beyond: sample)."]


@pytest.mark.parametrize("times", ["times", "texts", "numbers"])
def test_the_newest_are_the_newest(artifact_store: S3ArtifactStore, times: str) -> None:
    frame = table()
    newest = set(frame.sort_values("at")["x"].tail(400))
    if times == "texts":
        frame["at"] = frame["at"].dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    if times == "numbers":
        frame["at"] = frame["at"].astype("int64") / 1e9
    kept, heard = read(artifact_store, frame, max_rows=400, beyond="recent")
    assert set(kept["x"]) == newest
    assert "the newest by 'at', 400" in heard[0]


def test_rows_without_a_time_are_no_recent_ones(artifact_store: S3ArtifactStore) -> None:
    frame = table()
    frame.loc[:99, "at"] = pd.NaT
    kept, _ = read(artifact_store, frame, max_rows=1_400, beyond="recent")
    assert kept["at"].notna().all()


def test_recent_needs_a_time() -> None:
    document = spec_of().as_document() | {"split": {"by": "random"}, "training": {"beyond": "recent"}}
    with pytest.raises(ValidationError, match="needs a time"):
        PipelineSpec.model_validate(document)


def test_the_run_records_what_was_left_out(settings: Settings) -> None:
    runs, artifacts = MongoRunStore(settings), S3ArtifactStore(settings)
    spec = spec_of(max_rows=1_000, beyond="recent")
    runs.create_run({"_id": "r", "pipeline": "large", "status": "queued", "stages": {}})
    context = RunContext("r", spec, "v", runs, artifacts, MlflowRegistry(settings))
    dataset = artifacts.write_dataset("large", [table()])
    transformed = transform(context, Validated(dataset=dataset, passed=0))
    assert transformed == Transformed(dataset=dataset, profile=transformed.profile)
    assert transformed.profile is not None
    assert (transformed.profile["rows"], len(transformed.profile["columns"])) == (1_000, 3)
    trained = train(context, transformed, "ridge")
    assert trained.rows == {"train": 800, "test": 200, "dropped": 0, "beyond_limit": 500}
    stages = runs.get_run("r")["stages"]
    assert "the newest by 'at', 1,000 are learnt from" in stages["train:ridge"]["warnings"][0]
    assert "the newest by 'at', 1,000 are learnt from" in stages["transform"]["warnings"][0]
