"""Champions are loaded, swapped and kept; the registry is a folder of models in MLflow's form."""

from __future__ import annotations

import shutil
import threading

import pytest

from millrace.errors import NotFoundError, StorageError
from serving.failures import NotLoadedError
from serving.runtime.loader import ModelLoader
from serving.runtime.manager import ModelManager
from serving.runtime.model_files import ModelFiles

ROW = [{"a": 1.0, "b": 1.0}]


class FolderRegistry:
    """A registry on disk; `away` makes it fail as MLflow does when its server is down."""

    def __init__(self, root, card, writer):
        self.root, self.card, self.writer = root, card, writer
        self.named: dict[str, str] = {}
        self.run_id = "run-1"
        self.away = False
        self.downloads = 0

    def add(self, name, number, estimator):
        self.writer(self.root / name / number, estimator, {"task": "regression", "targets": ["y"]})

    def _ask(self):
        if self.away:
            raise StorageError("MLflow does not answer.", hint="Start it.")

    def aliases(self):
        self._ask()
        return {name: {"champion": number} for name, number in self.named.items()}

    def champion(self, name):
        self._ask()
        return self.card(name, self.named[name], self.run_id)

    def download(self, version, folder):
        self._ask()
        self.downloads += 1
        shutil.copytree(self.root / version.name / version.version, folder, dirs_exist_ok=True)


@pytest.fixture
def scaled(table):
    """Makes a model that answers `factor` times a."""
    from sklearn.linear_model import LinearRegression

    return lambda factor: LinearRegression().fit(table, factor * table["a"])


@pytest.fixture
def registry(tmp_path, card, writer, scaled):
    """A registry with two versions, the first of them champion."""
    registry = FolderRegistry(tmp_path / "registry", card, writer)
    registry.add("m", "1", scaled(1.0))
    registry.add("m", "2", scaled(2.0))
    registry.named["m"] = "1"
    return registry


@pytest.fixture
def make(tmp_path, registry):
    """Makes a manager, as a restart does: the local copies stay."""
    return lambda: ModelManager(ModelLoader(lambda: registry, ModelFiles(tmp_path / "home" / "models")))


def answer(manager):
    model = manager.get("m")
    return model.version.version, round(model.predict(ROW).values[0], 6)


def test_a_new_champion_takes_over_and_going_back_works_too(make, registry):
    manager = make()
    manager.look()
    assert answer(manager) == ("1", 1.0)
    registry.named["m"] = "2"
    manager.look()
    assert answer(manager) == ("2", 2.0)
    registry.named["m"] = "1"
    manager.look()
    assert answer(manager) == ("1", 1.0)


def test_a_look_at_an_unchanged_registry_downloads_nothing(make, registry):
    manager = make()
    manager.look()
    first = manager.get("m")
    manager.look()
    assert manager.get("m") is first
    assert registry.downloads == 1


def test_a_version_that_fails_to_load_never_replaces_one_that_works(make, registry):
    manager = make()
    manager.look()
    (registry.root / "m" / "2" / "model.skops").write_bytes(b"garbage")
    registry.named["m"] = "2"
    manager.look()
    assert answer(manager) == ("1", 1.0)
    assert manager.failures["m"].version == "2"
    assert "cannot be loaded" in manager.failures["m"].error


def test_a_failed_version_is_not_tried_at_every_look_but_when_forced(make, registry, scaled, monkeypatch):
    monkeypatch.setattr("serving.runtime.retries.FIRST_PAUSE", 300.0)
    manager = make()
    (registry.root / "m" / "1" / "model.skops").write_bytes(b"garbage")
    manager.look()
    registry.add("m", "1", scaled(1.0))
    manager.look()
    assert manager.failures["m"].attempts == 1
    with pytest.raises(NotLoadedError, match="version 1 failed to load"):
        manager.get("m")
    manager.look(force=True)
    assert answer(manager) == ("1", 1.0)
    assert not manager.failures


def test_a_failure_is_forgotten_when_the_champion_goes_back(make, registry):
    manager = make()
    manager.look()
    (registry.root / "m" / "2" / "MLmodel").write_bytes(b"[")
    registry.named["m"] = "2"
    manager.look()
    registry.named["m"] = "1"
    manager.look()
    assert not manager.failures
    assert answer(manager) == ("1", 1.0)


def test_a_restart_without_the_registry_serves_the_local_copy(make, registry):
    registry.named["m"] = "2"
    make().look()
    registry.away = True
    restarted = make()
    restarted.restore()
    restarted.look()
    assert answer(restarted) == ("2", 2.0)
    assert "MLflow does not answer" in restarted.registry_state.error


def test_another_registrys_version_of_the_same_number_is_told_apart(make, registry, scaled):
    make().look()
    registry.add("m", "1", scaled(5.0))
    registry.run_id = "run-of-another-registry"
    restarted = make()
    restarted.restore()
    assert answer(restarted) == ("1", 1.0)
    restarted.look()
    assert answer(restarted) == ("1", 5.0)


def test_a_model_that_vanishes_from_the_registry_goes_on_serving(make, registry):
    manager = make()
    manager.look()
    registry.named.clear()
    manager.look()
    assert answer(manager) == ("1", 1.0)
    assert manager.is_withdrawn("m")


def test_a_half_written_copy_is_not_served(make, registry):
    manager = make()
    manager.look()
    (manager._loader.files.root / "m" / "1" / "version.json").unlink()
    restarted = make()
    restarted.restore()
    assert not restarted.models
    restarted.look()
    assert answer(restarted) == ("1", 1.0)


def test_a_damaged_local_copy_is_fetched_again(make, registry):
    manager = make()
    manager.look()
    (manager._loader.files.root / "m" / "1" / "model.skops").write_bytes(b"damaged")
    restarted = make()
    restarted.restore()
    assert not restarted.models
    restarted.look()
    restarted.look(force=True)
    assert answer(restarted) == ("1", 1.0)
    assert registry.downloads == 2


def test_only_the_present_version_and_the_one_before_are_kept_on_disk(make, registry, scaled):
    registry.add("m", "3", scaled(3.0))
    manager = make()
    for number in ("1", "2", "3"):
        registry.named["m"] = number
        manager.look()
    assert {path.name for path in (manager._loader.files.root / "m").iterdir() if path.is_dir()} == {"2", "3"}


@pytest.mark.parametrize("name", ["..", ".hidden", "a/b", "a\\b"])
def test_a_name_that_is_a_path_is_refused(make, registry, card, name, tmp_path):
    with pytest.raises(StorageError, match="no name for a model"):
        ModelFiles(tmp_path / "x").fetch(card(name, "1"), registry.download)


def test_an_absent_model_is_told_by_what_is_known(make, registry):
    manager = make()
    with pytest.raises(NotLoadedError, match="has not been asked yet"):
        manager.get("m")
    registry.away = True
    manager.look()
    with pytest.raises(NotLoadedError, match="MLflow does not answer"):
        manager.get("m")
    registry.away = False
    manager.look()
    with pytest.raises(NotFoundError, match="Did you mean 'm'") as caught:
        manager.get("mm")
    assert caught.value.details == {"served": ["m"]}


def test_answers_during_swaps_always_agree_with_their_version(make, registry):
    manager = make()
    manager.look()
    seen, stop = set(), threading.Event()

    def ask():
        while not stop.is_set():
            seen.add(answer(manager))

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in ("2", "1", "2", "1", "2"):
        registry.named["m"] = number
        manager.look()
    stop.set()
    for thread in threads:
        thread.join()
    assert seen <= {("1", 1.0), ("2", 2.0)}
    assert answer(manager) == ("2", 2.0)
