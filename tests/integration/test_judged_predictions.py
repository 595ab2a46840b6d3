"""Predictions read back row by row, and joined with the truths that were told about them, on a real MongoDB."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from millrace.settings import Settings
from millrace.stores.predictions import PredictionStore

pytestmark = pytest.mark.integration
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def store(settings: Settings) -> PredictionStore:
    return PredictionStore(settings)


def prediction(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "_id": f"p{number}",
        "at": NOW + timedelta(minutes=number),
        "request_id": f"q{number}",
        "row": 0,
        "model": "mill",
        "version": "1",
        "features": {"a": float(number)},
        "output": 2.0 * number,
        **fields,
    }


def tell(store: PredictionStore, identity: str, truth: Any, minute: int) -> None:
    store.collection("feedback").insert_one(
        {"_id": identity, "truth": truth, "updated_at": NOW + timedelta(minutes=minute)}
    )


def test_rows_are_those_of_the_window_newest_first(store: PredictionStore) -> None:
    store.insert([prediction(n, version="2" if n == 3 else "1") for n in range(6)])
    store.insert([prediction(9, _id="other", model="other")])
    window = {"since": NOW + timedelta(minutes=1), "until": NOW + timedelta(minutes=5)}
    assert [row["_id"] for row in store.rows("mill", **window)] == ["p4", "p3", "p2", "p1"]
    assert [row["_id"] for row in store.rows("mill", version="2", **window)] == ["p3"]
    assert [row["_id"] for row in store.rows("mill", limit=2, **window)] == ["p4", "p3"]


def test_truths_are_joined_by_request_and_row_or_by_key(store: PredictionStore) -> None:
    batch = [prediction(0, _id=f"b/{row}", request_id="b", row=row) for row in range(1_500)]
    store.insert([*batch, prediction(1, key="meter-7")])
    tell(store, "request/b/1499", 7.0, 5)
    tell(store, "request/b/0", "yes", 5)
    tell(store, "key/mill/meter-7", 3.5, 5)
    found = {row["_id"]: row["truth"] for row in store.judged("mill", since=NOW)}
    assert found == {"b/1499": 7.0, "b/0": "yes", "p1": 3.5}


def test_a_key_that_is_used_again_is_not_judged_by_an_old_truth(store: PredictionStore) -> None:
    store.insert([prediction(n, key="meter-7") for n in (0, 1, 9)])
    tell(store, "key/mill/meter-7", 3.5, 5)
    assert [row["_id"] for row in store.judged("mill", since=NOW)] == ["p1"]
