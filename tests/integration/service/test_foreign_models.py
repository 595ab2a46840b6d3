"""Models that MLflow's own functions wrote: skops files are served, pickles only where an operator says so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow.sklearn
import pandas as pd
import pytest
from mlflow.models import infer_signature
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from millrace.settings import Settings
from millrace.stores.artifacts import S3ArtifactStore
from millrace.stores.model_registry import MlflowRegistry

pytestmark = pytest.mark.integration
NAME = "mill-flow"
ROWS = pd.DataFrame({"T": [1.0, 2.0, 5.0, 7.0], "RH": [40.0, 35.0, 61.0, 50.0]})


@pytest.fixture(scope="module")
def stranger() -> Any:
    """A Pipeline without anything of Millrace in it."""
    return make_pipeline(StandardScaler(), LinearRegression()).fit(ROWS, 3 * ROWS["T"] - ROWS["RH"])


@pytest.fixture
def logged(
    settings: Settings,
    registry: MlflowRegistry,
    register: Callable[..., str],
    fitted: Any,
    stranger: Any,
    tmp_path: Path,
) -> Callable[[str], None]:
    """Makes the stranger the champion, in the files that MLflow writes in a format."""

    def make(form: str) -> None:
        folder = tmp_path / form
        signature = infer_signature(ROWS, stranger.predict(ROWS))
        mlflow.sklearn.save_model(
            stranger, folder, serialization_format=form, signature=signature, input_example=ROWS, pip_requirements=[]
        )
        register(fitted(1.0))
        version = registry.champion(NAME)
        assert version is not None
        key = registry._location(version).removeprefix(f"s3://{settings.s3_bucket}/")
        for file in folder.iterdir():
            S3ArtifactStore(settings).put_bytes(f"{key}/{file.name}", file.read_bytes())

    return make


def test_a_skops_model_that_mlflow_wrote_is_served(settings: Settings, logged: Any, stranger: Any, start: Any) -> None:
    logged("skops")
    with start(settings) as client:
        answer = client.post(f"/api/v1/models/{NAME}/predict", json=ROWS.iloc[2].to_dict()).json()
    assert answer["prediction"] == pytest.approx(stranger.predict(ROWS)[2])


@pytest.mark.parametrize("form", ["pickle", "cloudpickle"])
def test_a_pickle_is_refused_and_the_refusal_says_what_allows_it(
    settings: Settings, logged: Any, start: Any, form: str
) -> None:
    logged(form)
    with start(settings) as client:
        answer = client.post(f"/api/v1/models/{NAME}/predict", json=ROWS.iloc[2].to_dict())
    assert (answer.status_code, answer.json()["code"]) == (503, "model_not_loaded")
    assert f"a {form} file" in answer.json()["error"]
    assert "SERVING_PICKLES=load" in answer.json()["error"]


@pytest.mark.parametrize("form", ["pickle", "cloudpickle"])
def test_a_pickle_is_served_where_an_operator_says_so(
    settings: Settings, logged: Any, stranger: Any, start: Any, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    logged(form)
    monkeypatch.setenv("SERVING_PICKLES", "load")
    with start(settings) as client:
        answers = client.post(f"/api/v1/models/{NAME}/predict/batch", json=ROWS.to_dict("records")).json()
    assert answers["predictions"] == pytest.approx(stranger.predict(ROWS).tolist())


def test_a_damaged_pickle_fails_to_load_and_is_named(
    settings: Settings, registry: MlflowRegistry, logged: Any, start: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged("pickle")
    version = registry.champion(NAME)
    assert version is not None
    key = registry._location(version).removeprefix(f"s3://{settings.s3_bucket}/")
    S3ArtifactStore(settings).put_bytes(f"{key}/model.pkl", b"no pickle")
    monkeypatch.setenv("SERVING_PICKLES", "load")
    with start(settings) as client:
        answer = client.post(f"/api/v1/models/{NAME}/predict", json=ROWS.iloc[0].to_dict()).json()
    assert "cannot be loaded from its pickle" in answer["error"]
