"""Traffic rules on a real MongoDB: they keep their order, their earlier forms, and never undo each other."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from examples import examples
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from pydantic import ValidationError

from millrace.errors import ConflictError
from millrace.settings import Settings
from millrace.stores.traffic import EARLIER_KEPT, MongoTrafficRules, TrafficRule

pytestmark = pytest.mark.integration


@pytest.fixture
def store(settings: Settings) -> MongoTrafficRules:
    return MongoTrafficRules(settings)


def test_a_rule_comes_back_as_it_was_put_with_who_and_when(store: MongoTrafficRules) -> None:
    assert store.get("m") == TrafficRule(name="m")
    assert store.get("m").is_plain
    put = store.put(TrafficRule(name="m", weights={"champion": 9, "v1.2": 1}, shadow="7", shadow_share=0.5), "ann")
    assert (put.revision, put.updated_by) == (1, "ann")
    assert store.get("m") == put
    assert store.all() == {"m": put}
    assert put.variants == ["champion", "v1.2", "7"]


LABELS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", fullmatch=True)
WEIGHTS = st.dictionaries(LABELS, st.floats(0.001, 1e9), min_size=1, max_size=10)


@given(WEIGHTS, st.none() | LABELS, st.floats(0.001, 1))
@examples(40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_rule_survives_its_way(
    store: MongoTrafficRules, weights: dict[str, float], shadow: str | None, share: float
) -> None:
    present = store.get("m")
    setting: dict[str, Any] = {"weights": weights, "shadow": shadow, "shadow_share": share}
    put = store.put(TrafficRule.model_validate({**present.model_dump(), **setting}), "ann")
    assert store.get("m") == put
    assert put.setting() == setting
    assert sum(put.shares().values()) == pytest.approx(1)


def test_only_one_of_many_writers_at_once_gets_through(store: MongoTrafficRules) -> None:
    seen, done, refused = store.put(TrafficRule(name="m"), "ann"), [], []

    def write(number: int) -> None:
        try:
            done.append(store.put(seen.model_copy(update={"weights": {str(number): 1.0}}), f"writer {number}"))
        except ConflictError as error:
            refused.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(done), len(refused)) == (1, 7)
    assert store.get("m") == done[0]
    with pytest.raises(ConflictError):
        store.put(TrafficRule(name="m"), "late")


def test_the_earlier_forms_are_kept_oldest_first_and_not_for_ever(store: MongoTrafficRules) -> None:
    rule = TrafficRule(name="m")
    for number in range(EARLIER_KEPT + 5):
        rule = store.put(rule.model_copy(update={"weights": {"champion": float(number + 1)}}), "ann")
    earlier = store.earlier("m")
    assert [form["revision"] for form in earlier] == list(range(5, EARLIER_KEPT + 5))
    assert rule.revision == EARLIER_KEPT + 5
    assert store.earlier("other") == []


def test_a_rule_that_cannot_be_read_costs_the_others_nothing(store: MongoTrafficRules, caplog: Any) -> None:
    good = store.put(TrafficRule(name="good"), "ann")
    store.collection("traffic").insert_one({"_id": "bad", "revision": 1, "weights": [["champion", -1]]})
    assert store.all() == {"good": good}
    assert "'bad' cannot be read" in caplog.text


@pytest.mark.parametrize(
    "setting",
    [
        {"weights": {}},
        {"weights": {"champion": 0}},
        {"weights": {"champion": float("nan")}},
        {"weights": {"champion": float("inf")}},
        {"weights": {"": 1}},
        {"weights": {"../etc": 1}},
        {"weights": {"x" * 65: 1}},
        {"weights": {f"v{number}": 1 for number in range(11)}},
        {"shadow": "a b"},
        {"shadow_share": 0},
        {"shadow_share": 1.5},
    ],
)
def test_what_makes_no_sense_is_refused(setting: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TrafficRule.model_validate({"name": "m", **setting})
