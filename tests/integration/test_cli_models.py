"""Promotion by hand and rolling back, on a real registry and a real run store."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import mlflow
import pytest
from cli_helpers import commands_on, program_on

from millrace.errors import NotFoundError
from millrace.settings import Settings
from millrace.stores.audit_log import MongoAuditLog
from millrace.stores.champions import promote, roll_back
from millrace.stores.model_registry import MlflowRegistry
from millrace.stores.runs import MongoRunStore
from millrace.stores.traffic import MongoTrafficRules

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


@pytest.fixture
def millrace(settings: Settings, stores: tuple[MlflowRegistry, MongoRunStore]) -> Callable[..., Any]:
    """`millrace models` on the test's installation."""
    return partial(commands_on(settings), "models")


def test_traffic_is_shown_set_and_cleared_and_all_of_it_audited(
    millrace: Callable[..., Any], settings: Settings
) -> None:
    shown = millrace("traffic", "m")
    assert (shown.returncode, "champion" in shown.stdout, "100.0%" in shown.stdout) == (0, True, True), shown.stderr
    put = millrace("traffic", "m", "-w", "champion=3", "-w", "4=1", "--shadow", "2", "--shadow-share", "0.5", "--json")
    assert put.returncode == 0, put.stderr
    assert MongoTrafficRules(settings).get("m").model_dump(mode="json") == json.loads(put.stdout)
    assert json.loads(put.stdout)["weights"] == {"champion": 3.0, "4": 1.0}
    assert json.loads(millrace("traffic", "m", "--clear", "--json").stdout)["revision"] == 2
    entries = MongoAuditLog(settings).entries(10, action="models.traffic")
    assert [(entry["kind"], entry["after"]["weights"]) for entry in entries] == [
        ("shell", ["champion=1"]),
        ("shell", ["champion=3", "4=1"]),
    ]
    assert entries[0]["before"] == entries[1]["after"]


def test_promotion_by_the_command_line_is_audited(millrace: Callable[..., Any], settings: Settings) -> None:
    moved = program_on(settings)("models", "promote", "m", "4")
    assert moved.returncode == 0, moved.stderr
    assert millrace("rollback", "m", "--json").returncode == 0
    log = MongoAuditLog(settings).entries(10)
    assert [(e["action"], e["before"]["champion"], e["after"]["champion"]) for e in log] == [
        ("models.rollback", "4", "3"),
        ("models.promote", "3", "4"),
    ]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("m", "-w", "champion"), "is no weight"),
        (("m", "-w", "=1"), "is no weight"),
        (("m", "-w", "champion=0"), "all 0"),
        (("m", "-w", "champion=1", "-w", "9=1"), "neither a version nor an alias '9'"),
        (("m", "--clear", "--shadow", "2"), "--clear goes alone"),
        (("other", "--shadow", "2"), "There is no model 'other'"),
    ],
)
def test_a_wrong_command_changes_nothing(
    millrace: Callable[..., Any], settings: Settings, arguments: tuple[str, ...], sentence: str
) -> None:
    refused = millrace("traffic", *arguments)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert sentence in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert MongoTrafficRules(settings).all() == {}


def test_every_move_is_told_in_the_history(stores: tuple[MlflowRegistry, MongoRunStore]) -> None:
    registry, runs = stores
    promote(registry, runs, "m", "4", "ann")
    roll_back(registry, runs, "m", "bob")
    told = [(one["version"], one["outcome"], one["by"]) for one in runs.decisions("m")]
    assert told == [("3", "rolled_back", "bob"), ("4", "promoted", "ann")]
    assert runs.decisions("m")[0]["reason"] == "Rolled back from 4 by bob; the champion before was 4."
    left = {version.version: version.tags.get("millrace.rolled_back", "") for version in registry.versions("m")}
    assert left == {"1": "", "2": "", "3": "", "4": "bob"}
