"""Answers are given again: in one process, between processes by a real Redis, and never in the way of an answer."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

import httpx
import pytest
import redis

from millrace.compiled.form import compiled_form
from millrace.stores.base import CACHE_TAG

pytestmark = pytest.mark.integration
NAME = "mill-flow"
PREDICT = f"/api/v1/models/{NAME}/predict"


def asked(client: httpx.Client, row: dict[str, Any], **params: Any) -> float:
    response = client.post(PREDICT, json=row, params=params)
    assert response.status_code == 200, response.text
    return response.json()["prediction"]


def counts(client: httpx.Client) -> tuple[float, float]:
    """Hits and misses."""
    found = {}
    for line in client.get("/metrics").text.splitlines():
        for what in ("hits", "misses"):
            if line.startswith(f'prediction_cache_{what}_total{{model="{NAME}"}}'):
                found[what] = float(line.rpartition(" ")[2])
    return found.get("hits", 0), found.get("misses", 0)


def test_an_equal_row_is_answered_from_memory_and_recorded_all_the_same(settings, register, fitted, row, start, wait):
    from datetime import UTC, datetime, timedelta

    from millrace.stores.predictions import PredictionStore

    register(fitted(1.0), compiled=True)
    with start(settings) as client:
        first = asked(client, row)
        assert asked(client, dict(reversed(row.items()))) == first
        assert counts(client) == (1, 1)
        assert asked(client, {**row, "T": row["T"] + 1}) != first
        assert counts(client) == (1, 2)
        assert client.post(f"{PREDICT}/batch", json=[row, row]).json()["predictions"] == [first, first]
        assert counts(client) == (1, 2)  # a batch is not looked up
        store, since = PredictionStore(settings), datetime.now(UTC) - timedelta(hours=1)
        wait(lambda: len(list(store.rows(NAME, since=since))) == 5)


def test_a_model_says_how_long_and_may_change_its_mind(settings, registry, register, fitted, row, start):
    version = register(fitted(1.0), compiled=True)
    registry.tag_version(NAME, version, {CACHE_TAG: "0"})
    with start(settings) as client:
        first = asked(client, row)
        assert asked(client, row) == first
        assert counts(client) == (0, 0)
        registry.tag_version(NAME, version, {CACHE_TAG: "60"})
        client.post("/api/v1/models/reload")
        asked(client, row), asked(client, row)
        assert counts(client) == (1, 1)


def test_the_service_may_remember_nothing_at_all(settings, register, fitted, row, start, monkeypatch):
    monkeypatch.setenv("SERVING_CACHE_ENTRIES", "0")
    register(fitted(1.0), compiled=True)
    with start(settings) as client:
        assert asked(client, row) == asked(client, row)
        assert counts(client) == (0, 0)


@pytest.fixture
def with_redis(redis_server, monkeypatch):
    """The Redis that services of this test use."""
    monkeypatch.setenv("REDIS_URL", redis_server.url)
    return redis_server


def kept(server: Any) -> list[bytes]:
    return redis.Redis.from_url(server.url).keys("millrace:answer:*")


def test_what_one_process_computed_another_finds(settings, register, fitted, row, start, wait, with_redis):
    register(fitted(1.0))
    with start(settings) as one, start(settings) as other:
        first = asked(one, row)
        wait(lambda: len(kept(with_redis)) == 1)
        assert 0 < redis.Redis.from_url(with_redis.url).pttl(kept(with_redis)[0]) <= 3_600_000
        assert asked(other, row) == first
        assert counts(other) == (1, 0)
        assert asked(other, row) == first  # from its own memory by now
        with_redis.kill()
        assert asked(other, row) == first
        assert counts(other) == (3, 0)


def test_another_version_finds_nothing_of_the_first(settings, register, fitted, row, start, wait, with_redis):
    register(fitted(1.0))
    with start(settings) as client:
        low = asked(client, row)
        wait(lambda: len(kept(with_redis)) == 1)
        register(fitted(7.0), "run-2")
        client.post("/api/v1/models/reload")
        assert asked(client, row) > 6 * low


def test_redis_may_die_hang_lie_and_come_back(settings, register, fitted, row, start, wait, with_redis, monkeypatch):
    monkeypatch.setattr("serving.runtime.shared_cache.PAUSE", 0.2)
    register(fitted(1.0))
    rows = iter({**row, "T": float(number)} for number in range(1_000))
    with start(settings) as client:
        asked(client, next(rows))
        wait(lambda: len(kept(with_redis)) == 1)
        with_redis.kill()
        for _ in range(5):
            asked(client, next(rows))
        with_redis.start()

        def is_kept_again() -> bool:
            asked(client, next(rows))
            return bool(kept(with_redis))

        wait(is_kept_again)
        os.kill(with_redis.pid, signal.SIGSTOP)
        try:
            for _ in range(5):
                asked(client, next(rows))
        finally:
            os.kill(with_redis.pid, signal.SIGCONT)
    with start(settings) as other:
        store = redis.Redis.from_url(with_redis.url)
        time.sleep(0.3)
        for name in kept(with_redis):
            store.set(name, b"\x94\xc3 no answer")
        assert asked(other, {**row, "T": 0.0}) == asked(other, {**row, "T": 0.0})
        assert counts(other) == (1, 1)


def test_a_compiled_model_is_asked_rather_than_redis(settings, register, fitted, inputs, row, start, with_redis):
    model = fitted(1.0)
    register(model, files=compiled_form(model, inputs).files())
    with start(settings) as client:
        assert client.get("/api/v1/models").json()["models"][0]["served_by"] == "compiled"
        assert asked(client, row) == asked(client, row)
        assert counts(client) == (1, 1)
        assert kept(with_redis) == []
