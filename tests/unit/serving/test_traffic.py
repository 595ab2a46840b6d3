"""Which version answers, with a registry on disk: shares, stand-ins, visitors, shadows, and restarts alone."""

from __future__ import annotations

import asyncio
import shutil
import threading

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from millrace.errors import NotFoundError, StorageError
from millrace.inputs.signature import InputField, Signature
from millrace.stores.traffic import TrafficRule
from serving.failures import ModelFailedError, NotLoadedError
from serving.runtime.likeness import columns_for, unlike
from serving.runtime.loader import ModelLoader
from serving.runtime.manager import ModelManager
from serving.runtime.model_files import ModelFiles
from serving.runtime.shadows import SHADOW, Shadows
from serving.runtime.traffic import Choice, Traffic
from serving.runtime.traffic_rules import TrafficRules
from serving.runtime.variants import Variants

ROW = [{"a": 1.0, "b": 1.0}]


class Registry:
    """A registry on disk; `away` makes it fail as MLflow does when its server is down."""

    def __init__(self, root, card, writer):
        self.root, self.card, self.writer = root, card, writer
        self.named = {"m": {"champion": "1", "challenger": "2"}}
        self.away = False
        self.downloads = []

    def add(self, number, estimator, metadata=None):
        self.writer(self.root / "m" / number, estimator, metadata or {"task": "regression", "targets": ["y"]})

    def _ask(self):
        if self.away:
            raise StorageError("MLflow does not answer.", hint="Start it.")

    def aliases(self):
        self._ask()
        return {name: dict(aliases) for name, aliases in self.named.items()}

    def champion(self, name):
        self._ask()
        return self.card(name, self.named[name]["champion"])

    def version(self, name, number):
        self._ask()
        if not (self.root / name / number).is_dir():
            raise NotFoundError(f"The model '{name}' has no version {number}.")
        return self.card(name, number)

    def download(self, version, folder):
        self._ask()
        self.downloads.append(version.version)
        shutil.copytree(self.root / version.name / version.version, folder, dirs_exist_ok=True)


class Rules:
    """A store of rules; `away` makes it fail as MongoDB does."""

    def __init__(self):
        self.kept: dict[str, TrafficRule] = {}
        self.away = False

    def all(self):
        if self.away:
            raise StorageError("MongoDB does not answer.")
        return dict(self.kept)

    def set(self, **setting):
        revision = self.kept["m"].revision + 1 if "m" in self.kept else 1
        self.kept["m"] = TrafficRule(name="m", revision=revision, **setting)


@pytest.fixture
def scaled(table):
    """Makes a model that answers `factor` times a."""
    return lambda factor: LinearRegression().fit(table, factor * table["a"])


@pytest.fixture
def registry(tmp_path, card, writer, scaled):
    registry = Registry(tmp_path / "registry", card, writer)
    for number in range(1, 7):
        registry.add(str(number), scaled(float(number)))
    return registry


class Worker:
    """The parts of one process that decide who answers."""

    def __init__(self, registry, store, home, visiting=2):
        self.rules = TrafficRules(store, home / "models" / ".traffic.json")
        self.loader = ModelLoader(lambda: registry, ModelFiles(home / "models"))
        self.manager = ModelManager(self.loader, self.rules.labels)
        self.variants = Variants(self.manager, self.loader, self.rules, visiting)
        self.traffic = Traffic(self.manager, self.variants, self.rules)

    def restore(self):
        for part in (self.rules, self.manager, self.variants):
            part.restore()

    def look(self, *, force=False):
        for part in (self.rules, self.manager, self.variants):
            part.look(force=force)

    def answer(self, key="k"):
        choice = self.traffic.choose("m", key)
        return choice.variant, choice.model.version.version, round(choice.model.predict(ROW).values[0], 6)


@pytest.fixture
def store():
    return Rules()


@pytest.fixture
def worker(registry, store, tmp_path):
    """Makes a worker, as a restart does: the local copies stay."""

    def make(**options):
        return Worker(registry, store, tmp_path / "home", **options)

    return make


def test_without_a_rule_the_champion_answers(worker):
    one = worker()
    one.look()
    assert one.answer() == ("champion", "1", 1.0)
    assert not one.traffic.splits("m")
    assert one.traffic.states("m")[0]["variant"] == "champion"
    with pytest.raises(NotFoundError):
        one.traffic.choose("nobody", "k")


def test_a_rule_is_followed_as_soon_as_its_version_is_there(worker, store):
    one = worker()
    one.look()
    store.set(weights={"challenger": 1})
    one.rules.look()
    assert one.answer() == ("champion", "1", 1.0)  # it is being loaded: the champion stands in for it
    assert one.traffic.fallbacks["m", "challenger"] == 1
    assert "being loaded" in one.traffic.problems()[0]
    one.look()
    assert one.answer() == ("challenger", "2", 2.0)
    assert one.traffic.problems() == []


def test_an_alias_that_moves_takes_its_variant_along(worker, store, registry):
    one = worker()
    store.set(weights={"challenger": 1})
    one.look()
    registry.named["m"]["challenger"] = "3"
    one.look()
    assert one.answer() == ("challenger", "3", 3.0)
    assert one.variants.loaded == [("m", "3")]


def test_a_variant_that_became_champion_is_not_loaded_twice(worker, store, registry):
    one = worker()
    store.set(weights={"champion": 1, "2": 1})
    one.look()
    registry.named["m"]["champion"] = "2"
    one.look()
    assert {one.answer(f"k{number}")[1:] for number in range(20)} == {("2", 2.0)}
    assert one.variants.loaded == []


def test_workers_agree_on_every_key(worker, store):
    store.set(weights={"champion": 2, "challenger": 1, "3": 1})
    one, other = worker(), worker()
    one.look()
    other.look()
    answers = [one.answer(f"k{number}") for number in range(100)]
    assert answers == [other.answer(f"k{number}") for number in range(100)]
    assert {variant for variant, _, _ in answers} == {"champion", "challenger", "3"}


def test_a_restart_without_registry_and_rules_goes_on_as_before(worker, store, registry):
    store.set(weights={"challenger": 1}, shadow="3")
    worker().look()
    registry.away = store.away = True
    again = worker()
    again.restore()
    assert again.answer() == ("challenger", "2", 2.0)
    again.look()
    assert again.answer() == ("challenger", "2", 2.0)
    assert again.traffic.shadow_of("m").model.version.version == "3"
    assert again.rules.error is not None


def test_a_damaged_copy_of_the_rules_is_no_reason_not_to_start(worker, store, tmp_path):
    store.set(weights={"challenger": 1})
    worker().look()
    (tmp_path / "home" / "models" / ".traffic.json").write_text("{")
    store.away = True
    again = worker()
    again.restore()
    assert again.answer() == ("champion", "1", 1.0)


def test_while_mongodb_is_away_it_is_asked_less_often(worker, store, monkeypatch):
    now = 100.0
    monkeypatch.setattr("serving.runtime.traffic_rules.time.monotonic", lambda: now)
    one = worker()
    store.away = True
    one.rules.look()
    store.away = False
    store.set(weights={"challenger": 1})
    now = 105.0
    one.rules.look()
    assert one.rules.rules == {}
    one.rules.look(force=True)
    assert set(one.rules.rules) == {"m"}


def test_local_copies_of_variants_outlive_a_new_champion(worker, store, registry, tmp_path):
    one = worker()
    store.set(weights={"champion": 1, "6": 1})
    one.look()
    for number in ("3", "4", "5"):
        registry.named["m"]["champion"] = number
        one.look()
    folders = {path.name for path in (tmp_path / "home" / "models" / "m").iterdir() if path.is_dir()}
    assert folders == {"4", "5", "6"}


def test_a_version_that_fails_to_load_is_tried_again_and_stood_in_for(worker, store, registry, scaled):
    (registry.root / "m" / "2" / "model.skops").write_bytes(b"garbage")
    store.set(weights={"challenger": 1})
    one = worker()
    one.look()
    assert one.answer() == ("champion", "1", 1.0)
    assert "cannot be loaded" in one.traffic.problems()[0]
    shutil.rmtree(registry.root / "m" / "2")
    registry.add("2", scaled(2.0))
    one.look()
    assert one.answer()[0] == "champion"  # not at every look
    one.look(force=True)
    assert one.answer() == ("challenger", "2", 2.0)


def test_a_version_of_another_purpose_is_stood_in_for(worker, store, registry, classifier):
    shutil.rmtree(registry.root / "m" / "2")
    registry.add("2", classifier, {"task": "classification", "targets": ["level"]})
    store.set(weights={"challenger": 1}, shadow="challenger")
    one = worker()
    one.look()
    assert one.answer()[0] == "champion"
    assert "is a classification of level" in one.traffic.problems()[0]
    assert one.traffic.shadow_of("m") is None


def test_a_visitor_is_loaded_when_it_is_asked_for_and_leaves_nothing_on_disk(worker, registry, tmp_path):
    one = worker(visiting=2)
    one.look()

    async def ask():
        return [(await one.variants.get("m", which)).version.version for which in ("3", "4", "5", "3", "004")]

    assert asyncio.run(ask()) == ["3", "4", "5", "3", "4"]
    assert one.variants.loaded == [("m", "3"), ("m", "4")]  # the least recently asked for made room
    assert [path.name for path in (tmp_path / "home" / "models" / "m").iterdir() if path.is_dir()] == ["1"]
    assert registry.downloads.count("3") == 2


def test_many_who_ask_at_once_load_a_version_once(worker, registry):
    one = worker()
    one.look()

    async def ask():
        return await asyncio.gather(*(one.variants.get("m", "3") for _ in range(6)))

    found = asyncio.run(ask())
    assert len({id(model) for model in found}) == 1
    assert registry.downloads.count("3") == 1


def test_no_visitors_where_none_are_wanted(worker):
    one = worker(visiting=0)
    one.look()
    with pytest.raises(NotLoadedError, match="SERVING_VISITING_VERSIONS"):
        asyncio.run(one.variants.get("m", "3"))
    assert asyncio.run(one.variants.get("m", "1")) is one.manager.get("m")


@pytest.mark.parametrize("which", ["9", "beta", "", "-1", "1.0", "٣", "9" * 40])
def test_a_version_that_is_not_there_is_told(worker, which):
    one = worker()
    one.look()
    with pytest.raises(NotFoundError):
        asyncio.run(one.variants.get("m", which))


def test_an_older_rule_does_not_replace_a_newer_one(worker, store):
    one = worker()
    store.set(weights={"challenger": 1})
    one.rules.take(TrafficRule(name="m", revision=5, weights={"3": 1}))
    one.rules.take(TrafficRule(name="m", revision=4, weights={"4": 1}))
    assert one.rules.rules["m"].weights == {"3": 1}


def test_the_champion_answers_when_a_variant_fails(worker, store):
    store.set(weights={"challenger": 1})
    one = worker()
    one.look()
    choice = one.traffic.choose("m", "k")
    instead = one.traffic.fall_back(choice, ModelFailedError("It broke."))
    assert instead == Choice(one.manager.get("m"), "champion")
    assert one.traffic.fallbacks["m", "challenger"] == 1
    assert "It broke." in one.traffic.problems()[0]
    assert one.traffic.fall_back(instead, ModelFailedError("It broke too.")) is None


class Noted:
    def __init__(self):
        self.seen, self.come = [], threading.Event()

    def __call__(self, name, version, columns, values, seconds, variant="champion"):
        self.seen.append((name, version, variant, [round(value, 6) for value in values]))
        self.come.set()


def columns(*values):
    return {"a": np.array(values, dtype=float), "b": np.ones(len(values))}


def test_a_shadow_predicts_and_is_noted_as_such(worker, store):
    store.set(shadow="challenger")
    one, noted = worker(), Noted()
    one.look()
    shadows = Shadows(one.traffic, noted, 10)
    shadows.offer("m", columns(1.0, 3.0), 2)
    assert noted.come.wait(10)
    assert noted.seen == [("m", "2", SHADOW, [2.0, 6.0])]
    shadows.offer("other", columns(1.0), 1)
    shadows.close()


def test_rows_beyond_the_bound_are_dropped_and_room_comes_back(worker, store, monkeypatch):
    store.set(shadow="challenger")
    one, noted, go_on = worker(), Noted(), threading.Event()
    one.look()
    model = one.traffic.shadow_of("m").model
    predict = type(model).predict_columns
    monkeypatch.setattr(
        type(model), "predict_columns", lambda self, given, **kw: go_on.wait(10) and predict(self, given, **kw)
    )
    shadows = Shadows(one.traffic, noted, 3)
    for _ in range(5):
        shadows.offer("m", columns(1.0), 1)
    assert shadows.dropped["m"] == 2
    go_on.set()
    shadows._thread.submit(lambda: None).result(timeout=10)
    assert len(noted.seen) == 3
    shadows.offer("m", columns(1.0), 1)
    shadows._thread.submit(lambda: None).result(timeout=10)
    assert (len(noted.seen), shadows.dropped["m"]) == (4, 2)
    shadows.close()
    shadows.offer("m", columns(1.0), 1)  # the service is ending: nothing is raised


def test_a_shadow_that_fails_is_told_and_hurts_nobody(worker, store, monkeypatch):
    store.set(shadow="challenger")
    one = worker()
    one.look()
    model = one.traffic.shadow_of("m").model

    def broken(*_, **__):
        raise ModelFailedError("It broke.")

    monkeypatch.setattr(type(model), "predict_columns", broken)
    shadows = Shadows(one.traffic, Noted(), 3)
    shadows.offer("m", columns(1.0), 1)
    shadows._thread.submit(lambda: None).result(timeout=10)
    assert any("It broke." in problem for problem in one.traffic.problems())


def test_a_share_of_the_requests_is_shadowed(worker, store):
    store.set(shadow="challenger", shadow_share=0.25)
    one, noted = worker(), Noted()
    one.look()
    shadows = Shadows(one.traffic, noted, 10_000)
    for _ in range(1_000):
        shadows.offer("m", columns(1.0), 1)
    shadows._thread.submit(lambda: None).result(timeout=30)
    assert 180 < len(noted.seen) < 320  # five standard deviations


def fields(**kinds):
    """`name="double"` is required, `name="double?"` optional."""
    return Signature(
        tuple(InputField(n, kind.rstrip("?"), not kind.endswith("?")) for n, kind in kinds.items()),
        dict.fromkeys(kinds),
    )


@pytest.mark.parametrize(
    ("champion", "other", "word"),
    [
        ({"a": "double"}, {"a": "double"}, None),
        ({"a": "double"}, {"a": "double?", "b": "string?"}, None),
        ({"a": "long"}, {"a": "double"}, None),
        ({"a": "double"}, {"a": "long"}, "takes a whole number"),
        ({"a": "double?"}, {"a": "double"}, "may be left out"),
        ({"a": "double", "b": "string"}, {"a": "double"}, "does not take the field 'b'"),
        ({"a": "double"}, {"a": "double", "b": "string"}, "needs the field 'b'"),
        ({"a": "string"}, {"a": "datetime"}, "takes a time"),
        ({"a": "boolean"}, {"a": "double"}, "takes a number"),
    ],
)
def test_a_version_stands_in_only_for_one_whose_rows_it_takes(champion, other, word):
    reason = unlike(fields(**champion), fields(**other))
    assert reason is None if word is None else word in reason


def test_columns_are_made_ready_for_another_version():
    given = {"a": np.array([1.0, np.nan]), "t": np.array(["x", None], dtype=object), "gone": np.ones(2)}
    found = columns_for(fields(t="string?", new="double?", at="datetime?", a="double?"), given)
    assert list(found) == ["t", "new", "at", "a"]
    assert np.isnan(found["new"]).all()
    assert np.isnat(found["at"]).all()
    assert found["t"].tolist() == ["x", None]
    for needed in ({"a": "double"}, {"t": "string"}, {"new": "long"}, {"at": "datetime"}):
        assert columns_for(fields(**needed), given) is None
    assert pd.isna(columns_for(fields(a="double?"), given)["a"][1])
