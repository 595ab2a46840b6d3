"""Promotion by hand and rolling back, on a real registry and a real run store."""

from __future__ import annotations

import mlflow
import pytest

from millrace.errors import NotFoundError
from millrace.settings import Settings
from millrace.stores.champions import promote, roll_back
from millrace.stores.model_registry import MlflowRegistry
from millrace.stores.runs import MongoRunStore

pytestmark = pytest.mark.integration


@pytest.fixture
def stores(settings: Settings) -> tuple[MlflowRegistry, MongoRunStore]:
    """A registry in which the model `m` has four versions, of which 1 and 3 have been champions."""
    client = mlflow.MlflowClient(settings.mlflow, settings.mlflow)
    client.create_registered_model("m")
    for _ in range(4):
        client.create_model_version("m", f"s3://{settings.s3_bucket}/nothing")
    registry = MlflowRegistry(settings)
    registry.set_alias("m", "champion", "1")
    registry.set_alias("m", "champion", "3")
    return registry, MongoRunStore(settings)


def test_promotion_is_recorded_and_idempotent(stores: tuple[MlflowRegistry, MongoRunStore]) -> None:
    registry, runs = stores
    first = promote(registry, runs, "m", "4", "ann")
    assert (first.before, first.champion, first.moved) == ("3", "4", True)
    assert not promote(registry, runs, "m", "4", "ann").moved
    assert registry.champions("m") == ["1", "3", "4"]
    record = runs.collection("models").find_one({"_id": "m/4"})
    assert record is not None
    assert (record["champion_by"], record["champion_how"]) == ("ann", "promoted")


def test_rolling_back_goes_further_back_and_never_to_what_was_rolled_back_from(
    stores: tuple[MlflowRegistry, MongoRunStore],
) -> None:
    registry, runs = stores
    promote(registry, runs, "m", "4", "ann")
    assert [roll_back(registry, runs, "m", "ann").champion for _ in range(2)] == ["3", "1"]
    with pytest.raises(NotFoundError, match="first champion"):
        roll_back(registry, runs, "m", "ann")
    champion = registry.champion("m")
    assert champion is not None
    assert champion.version == "1"
    promote(registry, runs, "m", "3", "ann")
    promote(registry, runs, "m", "1", "ann")
    assert roll_back(registry, runs, "m", "ann").champion == "3"


def test_rolling_back_from_a_named_version_may_be_repeated(stores: tuple[MlflowRegistry, MongoRunStore]) -> None:
    registry, runs = stores
    assert roll_back(registry, runs, "m", "ann", only_from="3").champion == "1"
    again = roll_back(registry, runs, "m", "ann", only_from="3")
    assert (again.champion, again.moved) == ("1", False)


def test_what_does_not_exist_is_not_promoted(stores: tuple[MlflowRegistry, MongoRunStore]) -> None:
    registry, runs = stores
    for name, version in (("m", "9"), ("other", "1")):
        with pytest.raises(NotFoundError):
            promote(registry, runs, name, version, "ann")
    assert registry.champions("m") == ["1", "3"]
    assert runs.collection("models").count_documents({}) == 0
