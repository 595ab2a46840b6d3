"""Pruning on real stores: what goes is gone everywhere, what stays works, a broken-off pruning is repeated."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from millrace.connections import s3_client
from millrace.errors import NotFoundError, RequestError
from millrace.maintenance import prune as pruning
from millrace.maintenance.prune import look, prune
from millrace.maintenance.retention import Item, Rules
from millrace.pipeline import new_run_id, open_context, run_pipeline
from millrace.settings import Settings
from millrace.spec.catalogue import load_spec
from millrace.stores.artifacts import S3ArtifactStore
from millrace.stores.mlflow_inventory import MlflowInventory
from millrace.stores.model_registry import MlflowRegistry
from millrace.stores.runs import MongoRunStore

pytestmark = pytest.mark.integration
LATER = datetime.now(UTC) + timedelta(days=60)
NEWEST = Rules(keep=1)
ETL = "name: rows\nsource: {type: file, path: %s}\n"
MODEL = """\
name: mill
source: {type: file, path: %s}
task: regression
target: flow
split: {by: random, folds: 2}
candidates: [{estimator: ridge}]
monitoring: {drift: true}
"""


class Mill:
    """An installation with a plain ETL and a training, over tables that change with the seed."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.settings = settings
        self.folder = folder

    def run(self, spec: str, seed: int) -> dict[str, Any]:
        rng = np.random.default_rng(seed)
        frame = pd.DataFrame({name: rng.normal(size=80) for name in ("level", "wind")})
        table, path = self.folder / "table.csv", self.folder / "spec.yaml"
        frame.assign(flow=frame.sum(axis="columns") + rng.normal(0, 0.1, 80)).to_csv(table, index=False)
        path.write_text(spec % table)
        loaded = load_spec(path)
        summary = run_pipeline(open_context(loaded, new_run_id(loaded.spec), settings=self.settings))
        assert summary["status"] == "success", summary["error"]
        return summary

    def objects(self) -> set[str]:
        pages = s3_client(self.settings).get_paginator("list_objects_v2").paginate(Bucket=self.settings.s3_bucket)
        return {item["Key"] for page in pages for item in page.get("Contents", [])}

    def datasets(self) -> set[str]:
        return {key.split("/")[-2] for key in self.objects() if key.startswith("datasets/")}

    def runs(self) -> set[str]:
        return {run["_id"] for run in MongoRunStore(self.settings).find_runs(limit=100)}


@pytest.fixture
def mill(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mill]:
    monkeypatch.setenv("MILLRACE_HOME", str(settings.millrace_home))
    return Mill(settings, tmp_path)


def test_old_runs_of_an_etl_go_with_their_tables(mill: Mill) -> None:
    runs = [mill.run(ETL, seed) for seed in (1, 2, 3)]
    seen = look(mill.settings, NEWEST, LATER)
    before = mill.objects()
    assert mill.objects() == before
    gone = prune(mill.settings, NEWEST, LATER)

    assert [item.identity for item in gone.items] == [item.identity for item in seen.items]
    assert gone.size > 0
    assert mill.runs() == {runs[-1]["run_id"]}
    assert mill.datasets() == {runs[-1]["dataset_version"]}
    for collection in ("pipeline_runs", "data_validations", "datasets"):
        assert MongoRunStore(mill.settings).collection(collection).count_documents({}) == 1
    again = mill.run(ETL, 1)
    assert again["dataset_version"] == runs[0]["dataset_version"]
    assert again["dataset_version"] in mill.datasets()


def test_a_version_keeps_all_that_it_came_from(mill: Mill) -> None:
    first, same, other = mill.run(MODEL, 1), mill.run(MODEL, 1), mill.run(MODEL, 2)
    assert first["promoted"]
    assert same["model_version"] == first["model_version"]
    registry = MlflowRegistry(mill.settings)
    champion = registry.champion("mill")
    assert champion is not None
    model_files = {key for key in mill.objects() if key.startswith("mlflow/")}

    prune(mill.settings, NEWEST, LATER)

    assert mill.runs() == {first["run_id"], other["run_id"]}
    assert {first["dataset_version"], other["dataset_version"]} <= mill.datasets()
    assert model_files <= mill.objects()
    assert registry.load(champion) is not None
    record = MongoRunStore(mill.settings).model_record("mill", champion.version)
    assert record is not None
    assert S3ArtifactStore(mill.settings).has_dataset(record["reference"]["uri"])
    assert {one.run_id for one in MlflowInventory(mill.settings).trainings()} == {first["run_id"], other["run_id"]}
    assert prune(mill.settings, NEWEST, LATER).items == []
    assert mill.run(MODEL, 1)["model_version"] == first["model_version"]


def test_training_runs_without_a_version_go_from_mlflow_and_s3(mill: Mill) -> None:
    refused = MODEL + "promotion: {metric: rmse, limit: 0.000001}\n"
    runs = [mill.run(refused, 1), mill.run(refused, 2)]
    gone = prune(mill.settings, NEWEST, LATER)
    versions = {version.run_id for version in MlflowRegistry(mill.settings).versions("mill")}
    for run in runs:
        is_kept = run["run_id"] in versions | {runs[-1]["run_id"]}
        assert (run["run_id"] in mill.runs()) == is_kept
        assert any(f"/{run['run_id']}/" in key for key in mill.objects()) == is_kept
    assert {item.key for item in gone.items if item.kind == "run"} == {run["run_id"] for run in runs} - mill.runs()


def test_what_was_broken_off_is_ended_by_the_next(mill: Mill, monkeypatch: pytest.MonkeyPatch) -> None:
    last = [mill.run(ETL, seed) for seed in (1, 2, 3)][-1]

    def breaks(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(pruning._Records, "remove", breaks)
        with pytest.raises(KeyboardInterrupt):
            prune(mill.settings, NEWEST, LATER)
    prune(mill.settings, NEWEST, LATER)
    assert mill.runs() == {last["run_id"]}
    assert mill.datasets() == {last["dataset_version"]}


def test_a_pipeline_that_runs_is_left_for_another_time(mill: Mill) -> None:
    runs = [mill.run(ETL, seed) for seed in (1, 2)]
    store = MongoRunStore(mill.settings)
    store.collection("pipeline_runs").update_one(
        {"_id": runs[-1]["run_id"]}, {"$set": {"status": "running", "started_at": LATER}}
    )
    found = prune(mill.settings, Rules(keep=0), LATER)
    assert found.items == []
    assert {item.pipeline for item in found.postponed} == {"rows"}
    assert mill.runs() == {run["run_id"] for run in runs}


def test_only_what_was_agreed_to_goes(mill: Mill) -> None:
    for seed in (1, 2):
        mill.run(ETL, seed)
    agreed = look(mill.settings, NEWEST, LATER)
    mill.run(ETL, 3)
    told: list[Item] = []
    prune(mill.settings, NEWEST, LATER, agreed, told.append)
    assert told == agreed.items
    assert len(mill.runs()) == 2


def test_the_young_stay_and_rules_are_asked_for(mill: Mill) -> None:
    run = mill.run(ETL, 1)
    assert prune(mill.settings, Rules(older_than=timedelta(days=30)), datetime.now(UTC)).items == []
    with pytest.raises(RequestError, match="Nothing says what may go"):
        prune(mill.settings, Rules(), LATER)
    assert mill.runs() == {run["run_id"]}
    with pytest.raises(NotFoundError):
        MongoRunStore(mill.settings).get_run("another")
