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


def bucket(identity: str, minutes: list[int], **fields: Any) -> dict[str, Any]:
    """A document of `predictions` with one row for each of these minutes after noon."""
    times = [NOW + timedelta(minutes=minute) for minute in minutes]
    count = len(minutes)
    return {
        "_id": identity,
        "model": "mill",
        "version": "1",
        "variant": "champion",
        "at": min(times),
        "until": max(times),
        "count": count,
        "request_ids": [f"{identity}{minute}" for minute in minutes],
        "rows": [0] * count,
        "times": times,
        "callers": ["anonymous"] * count,
        "latency_ms": [1.0] * count,
        "features": {"a": [float(minute) for minute in minutes]},
        "outputs": [2.0 * minute for minute in minutes],
        **fields,
    }


def tell(store: PredictionStore, identity: str, truth: Any, minute: int) -> None:
    store.collection("feedback").insert_one(
        {"_id": identity, "truth": truth, "updated_at": NOW + timedelta(minutes=minute)}
    )


def test_truths_are_joined_by_request_and_row_or_by_key(store: PredictionStore) -> None:
    batch = bucket("b", [0] * 450, request_ids=["b"] * 450, rows=list(range(450)))
    later = [bucket(f"l{n}-", [1] * 450) for n in range(2)]
    keyed = bucket("k", [2], keys=["meter-7"])
    store.insert([batch, *later, keyed, bucket("other", [0], model="other")])
    tell(store, "request/b/449", 7.0, 5)
    tell(store, "request/b/0", "yes", 5)
    tell(store, "key/mill/meter-7", 3.5, 5)
    found = {row["_id"]: row["truth"] for row in store.judged("mill", since=NOW)}
    assert found == {"b/449": 7.0, "b/0": "yes", "k2/0": 3.5}
    assert list(store.judged("mill", since=NOW, version="2")) == []


def test_a_key_that_is_used_again_is_judged_by_the_truth_that_came_after_it(store: PredictionStore) -> None:
    store.insert([bucket("k", [0, 1, 9], keys=["meter-7"] * 3)])
    tell(store, "key/mill/meter-7", 3.5, 5)
    assert [row["_id"] for row in store.judged("mill", since=NOW)] == ["k1/0"]
