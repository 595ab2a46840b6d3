"""A backup is made of a used installation and restored into an empty one, which then answers like the first."""

from __future__ import annotations

import json
import sqlite3
import uuid
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from millrace.errors import ConflictError, NotFoundError, StorageError
from millrace.maintenance.archive import MANIFEST, FolderArchive, S3Archive, read_part, write_part
from millrace.maintenance.backup import back_up, mlflow_database, zipped
from millrace.maintenance.restore import _unzipped, restore
from millrace.pipeline import new_run_id, open_context, run_pipeline
from millrace.settings import Settings
from millrace.spec.catalogue import load_spec
from millrace.stores.artifacts import S3ArtifactStore
from millrace.stores.model_registry import MlflowRegistry
from millrace.stores.runs import MongoRunStore

pytestmark = pytest.mark.integration
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
SPEC = """\
name: flowers
source: {type: sample, name: sklearn/iris}
task: classification
target: target
split: {by: random, folds: 2}
candidates: [{estimator: logistic_regression}]
"""


@pytest.fixture
def used(settings: Settings, tmp_path: Path) -> Settings:
    """An installation with a spec, a dataset, records of every awkward kind, and a database where MLflow's is."""
    folders = {"millrace_pipelines_dir": tmp_path / "pipelines", "millrace_features_dir": tmp_path / "features"}
    for folder in folders.values():
        folder.mkdir()
    settings = settings.model_copy(update=folders)
    (folders["millrace_pipelines_dir"] / "rows.yaml").write_text("# ours\nname: rows\n")
    dataset = S3ArtifactStore(settings).write_dataset("rows", [pd.DataFrame({"a": [1, 2, 3]})])
    store = MongoRunStore(settings)
    store.record_dataset({"pipeline": "rows", "version": dataset.version, "uri": dataset.uri})
    odd = {"at": NOW + timedelta(microseconds=1000), "n": 2**40, "raw": b"\0\1", "none": None, "f": 0.1}
    store.create_run({"_id": "r1", "pipeline": "rows", "status": "success", "stages": {"odd": odd}})
    store.collection("traffic").insert_many([{"_id": f"model-{number}"} for number in range(1200)])
    store.collection("sessions").insert_one({"_id": "somebody"})
    with closing(sqlite3.connect(mlflow_database(settings))) as database:
        database.execute("CREATE TABLE kept (value TEXT)")
        database.execute("INSERT INTO kept VALUES ('by MLflow')")
        database.commit()
    return settings


def empty(settings: Settings, folder: Path, bucket: str | None = None) -> Settings:
    """Another installation on the same servers; its bucket has the same name only where the objects are to stay."""
    update = {
        "millrace_home": folder / "home",
        "mongodb_database": f"t{uuid.uuid4().hex[:12]}",
        "s3_bucket": bucket or settings.s3_bucket,
        "millrace_pipelines_dir": folder / "pipelines",
        "millrace_features_dir": folder / "features",
    }
    return settings.model_copy(update=update)


def everything(settings: Settings) -> dict[str, list[object]]:
    store = MongoRunStore(settings)
    names = ("pipeline_runs", "datasets", "traffic")
    return {name: sorted(store.collection(name).find({}), key=lambda one: str(one["_id"])) for name in names}


def test_what_was_backed_up_is_there_again(used: Settings, tmp_path: Path) -> None:
    archive = FolderArchive(tmp_path / "backup")
    objects = S3ArtifactStore(used)
    (dataset,) = MongoRunStore(used).collection("datasets").find({})
    manifest = back_up(used, archive, NOW)
    before = everything(used)
    assert len(before["pipeline_runs"]) == 1

    key = dataset["uri"].removeprefix(f"s3://{used.s3_bucket}/") + MANIFEST
    objects.remove([key])
    assert not objects.has_dataset(dataset["uri"])
    fresh = empty(used, tmp_path / "fresh")
    assert restore(fresh, archive) == manifest

    assert everything(fresh) == before
    assert objects.has_dataset(dataset["uri"])
    assert (fresh.millrace_pipelines_dir / "rows.yaml").read_text().startswith("# ours\n")
    assert MongoRunStore(fresh).collection("sessions").count_documents({}) == 0
    assert len(MongoRunStore(fresh).collection("pipeline_runs").index_information()) > 1
    with closing(sqlite3.connect(mlflow_database(fresh))) as database:
        assert database.execute("SELECT value FROM kept").fetchall() == [("by MLflow",)]


def test_a_trained_model_answers_again(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "flowers.yaml"
    path.write_text(SPEC)
    loaded = load_spec(path)
    assert run_pipeline(open_context(loaded, new_run_id(loaded.spec), settings=settings))["promoted"]
    archive = S3Archive(settings, settings.s3_bucket, "backups/one")
    back_up(settings, archive, NOW, objects=False)
    fresh = empty(settings, tmp_path / "fresh")
    restore(fresh, archive)
    registry = MlflowRegistry(fresh)
    champion = registry.champion("flowers")
    assert champion is not None
    assert registry.champions("flowers") == [champion.version]
    assert registry.load(champion) is not None


def test_a_used_installation_is_not_overwritten_unasked(used: Settings, tmp_path: Path) -> None:
    archive = FolderArchive(tmp_path / "backup")
    back_up(used, archive, NOW, objects=False)
    store = MongoRunStore(used)
    store.collection("pipeline_runs").insert_one({"_id": "later", "pipeline": "rows"})
    store.collection("alerts").insert_one({"_id": "later"})
    with pytest.raises(ConflictError, match=r"not empty: .*pipeline_runs"):
        restore(used, archive)
    assert store.collection("pipeline_runs").count_documents({}) == 2

    spec = used.millrace_pipelines_dir / "rows.yaml"
    spec.write_text("# changed since\n")
    restore(used, archive, replace=True)
    assert store.collection("pipeline_runs").count_documents({}) == 1
    assert store.collection("alerts").count_documents({}) == 0
    assert spec.read_text().startswith("# ours\n")


def test_a_spec_that_differs_is_left_and_told_of(used: Settings, tmp_path: Path) -> None:
    archive = FolderArchive(tmp_path / "backup")
    back_up(used, archive, NOW, objects=False)
    fresh = empty(used, tmp_path / "fresh")
    fresh.millrace_pipelines_dir.mkdir(parents=True)
    (fresh.millrace_pipelines_dir / "rows.yaml").write_text("# mine\n")
    told: list[str] = []
    restore(fresh, archive, told=told.append)
    assert (fresh.millrace_pipelines_dir / "rows.yaml").read_text() == "# mine\n"
    assert any("rows.yaml" in sentence and "differs" in sentence for sentence in told)


def test_a_broken_backup_changes_nothing(used: Settings, tmp_path: Path) -> None:
    archive = FolderArchive(tmp_path / "backup")
    back_up(used, archive, NOW, objects=False)
    broken = tmp_path / "backup" / "mongodb" / "pipeline_runs.bson.gz"
    broken.write_bytes(broken.read_bytes()[:-9] + b"another..")
    before = everything(used)
    with pytest.raises(StorageError, match="pipeline_runs"):
        restore(used, archive, replace=True)
    assert everything(used) == before

    (tmp_path / "backup" / MANIFEST).unlink()
    with pytest.raises(NotFoundError, match="no complete backup"):
        restore(used, archive, replace=True)


def test_records_of_another_bucket_are_refused(used: Settings, tmp_path: Path) -> None:
    archive = FolderArchive(tmp_path / "backup")
    back_up(used, archive, NOW, objects=False)
    with pytest.raises(ConflictError, match="Set S3_BUCKET"):
        restore(empty(used, tmp_path / "fresh", "elsewhere"), archive)


def test_secrets_are_not_in_it_and_files_are_closed(used: Settings, tmp_path: Path) -> None:
    archive = FolderArchive(tmp_path / "backup")
    back_up(used, archive, NOW)
    files = [path for path in (tmp_path / "backup").rglob("*") if path.is_file()]
    assert {path.stat().st_mode & 0o077 for path in files} == {0}
    names = {part["name"] for part in json.loads((tmp_path / "backup" / MANIFEST).read_text())["parts"]}
    assert {str(path.relative_to(tmp_path / "backup")) for path in files} == names | {MANIFEST}
    assert not any("secret" in name or "sessions" in name or "password" in name for name in names)


@given(st.lists(st.binary(max_size=300)))
def test_parts_come_back_as_they_were_written(tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes]) -> None:
    archive = FolderArchive(tmp_path_factory.mktemp("parts"))
    part = write_part(archive, "a/b.gz", zipped(pieces))
    assert b"".join(_unzipped(read_part(archive, part), part.name)) == b"".join(pieces)
