"""The registry beside a run: what it says of things that are not there, and that a server gives what a file gives."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from free_ports import free_port_base
from sklearn.pipeline import Pipeline
from waiting import until

from millrace.errors import NotFoundError, StorageError
from millrace.features.row_features import RowFeatures
from millrace.local.programs import mlflow
from millrace.settings import Settings
from millrace.stores.base import ModelVersion
from millrace.stores.model_format import model_bytes, model_from_bytes
from millrace.stores.model_registry import MlflowRegistry
from millrace.stores.tracking import NewVersion, TrackedRun

pytestmark = pytest.mark.integration


def registered(registry: MlflowRegistry, run_id: str) -> ModelVersion:
    """A small model under the name `co`, trained by `run_id`."""
    from sklearn.linear_model import LinearRegression

    frame = pd.DataFrame({"a": [0.0, 1.0, 2.0]})
    model = Pipeline([("features", RowFeatures([])), ("model", LinearRegression())]).fit(frame, [1.0, 3.0, 5.0])
    tags = {"millrace.run_id": run_id, "millrace.candidate": "linear"}
    mlflow_run = registry.track(
        TrackedRun(
            experiment="co",
            name="linear",
            tags=tags,
            params={},
            metrics={"rmse:A(b)": 0.5},
            started=1.0,
            finished=2.0,
        )
    )
    registry.add_to_run(mlflow_run, {"rmse_low": 0.4}, {"plots/x.png": b"png"})
    return registry.register(
        NewVersion(
            name="co",
            mlflow_run_id=mlflow_run,
            content=model_bytes(model),
            tags=tags,
            metadata={"task": "regression"},
            example=frame,
            prediction=model.predict(frame),
            kinds={"a": "number"},
        )
    )


def check_whole_life(registry: MlflowRegistry, folder: Path) -> None:
    first, second = registered(registry, "run-1"), registered(registry, "run-2")
    assert [version.version for version in registry.versions("co")] == ["2", "1"]
    found = registry.version_of_run("co", "run-1")
    assert found is not None
    assert found.version == first.version
    assert registry.version_of_run("co", "run-3") is None
    registry.set_alias("co", "champion", second.version)
    assert registry.aliases() == {"co": {"champion": "2"}}
    champion = registry.champion("co")
    assert champion is not None
    assert (champion.run_id, champion.aliases, champion.uri) == ("run-2", ["champion"], "models:/co/2")
    np.testing.assert_allclose(registry.load(champion).predict(pd.DataFrame({"a": [10.0]})), [21.0])
    registry.download(champion, folder)
    assert {path.name for path in folder.iterdir()} >= {"MLmodel", "model.skops", "input_example.json"}


def test_a_models_life_on_a_file(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    check_whole_life(MlflowRegistry(settings), tmp_path / "files")


@pytest.fixture
def server(settings: Settings) -> Iterator[Settings]:
    """The same installation with MLflow's server in front of its file."""
    moved = settings.model_copy(update={"millrace_port_base": free_port_base()})
    program = mlflow(moved)
    environment = {
        **os.environ,
        **program.environment,
        "MLFLOW_S3_ENDPOINT_URL": settings.s3_endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    log = (settings.millrace_home / "mlflow.log").open("wb")
    process = subprocess.Popen(
        program.argv, env=environment, cwd=settings.millrace_home, stdout=log, stderr=log, start_new_session=True
    )
    address = f"http://127.0.0.1:{program.port}"
    try:
        until(lambda: process.poll() is not None or program.probe("127.0.0.1")(0), "MLflow", 120, pause=0.2)
        assert process.poll() is None, (settings.millrace_home / "mlflow.log").read_text()[-2000:]
        yield settings.model_copy(update={"mlflow_tracking_uri": address})
    finally:
        os.killpg(process.pid, 15)
        process.wait(timeout=30)
        log.close()


def test_a_models_life_on_a_server(server: Settings, tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    check_whole_life(MlflowRegistry(server), tmp_path / "files")


def test_what_is_not_there(settings: Settings) -> None:
    registry = MlflowRegistry(settings)
    assert registry.champion("co") is None
    assert registry.versions("co") == []
    assert registry.champions("co") == []
    assert registry.aliases() == {}
    registered(registry, "run-1")
    assert registry.champion("co") is None
    with pytest.raises(NotFoundError, match="no version 9"):
        registry.set_alias("co", "champion", "9")
    assert registry.champions("co") == []
    with pytest.raises(NotFoundError, match="no version 1"):
        registry.set_alias("other", "champion", "1")


def test_a_server_that_is_not_there_is_said_in_one_sentence(settings: Settings) -> None:
    away = settings.model_copy(update={"mlflow_tracking_uri": "http://user:hidden@127.0.0.1:9"})
    with pytest.raises(StorageError, match="MLflow at http") as caught:
        MlflowRegistry(away).champion("co")
    assert "MLFLOW_TRACKING_URI" in str(caught.value)
    assert "hidden" not in str(caught.value)


class Stranger:
    """A type that no model of Millrace holds."""

    def __init__(self) -> None:
        self.x = 1


def test_a_model_with_a_strange_type_is_neither_stored_nor_loaded() -> None:
    import skops.io

    with pytest.raises(StorageError, match=r"Stranger, which Millrace does not trust"):
        model_bytes(Stranger())
    with pytest.raises(StorageError, match="cannot be loaded"):
        model_from_bytes(skops.io.dumps(Stranger()), "co")
    with pytest.raises(StorageError, match="The model co cannot be loaded"):
        model_from_bytes(b"no zip", "co")
