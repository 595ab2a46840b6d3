"""Rate limits that several workers count together in a real Redis, and what happens while it is away."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from contextlib import ExitStack

import pytest

from millrace.errors import SettingsError
from serving.access.failures import TooManyRequestsError
from serving.access.limits import RateLimits, read_limit
from serving.app import create_app

pytestmark = pytest.mark.integration
ASKED = "/version"


@pytest.fixture
def workers(settings, registry, redis_server, start, monkeypatch):
    """Two services of one installation that share a Redis; an address may ask five times a day."""
    monkeypatch.setenv("REDIS_URL", redis_server.url)
    monkeypatch.setenv("SERVING_ANONYMOUS_LIMIT", "5/day")
    monkeypatch.setattr("serving.access.limits._REDIS_PAUSE", 0.2)
    with ExitStack() as both:
        yield [both.enter_context(start(settings)) for _ in range(2)]


def statuses(workers, count):
    return [workers[turn % len(workers)].get(ASKED).status_code for turn in range(count)]


def test_two_workers_count_one_limit(workers):
    assert statuses(workers, 8) == [200] * 5 + [429] * 3
    refused = workers[0].get(ASKED)
    assert refused.json()["code"] == "too_many_requests"
    assert 0 < int(refused.headers["retry-after"]) <= 86_400


def test_a_redis_that_dies_opens_no_door_and_is_counted_in_again_when_it_is_back(workers, redis_server, wait, caplog):
    assert statuses(workers, 2) == [200, 200]
    redis_server.kill()
    with caplog.at_level(logging.WARNING):
        alone = [worker.get(ASKED).status_code for worker in workers for _ in range(7)]
    assert alone == ([200] * 5 + [429] * 2) * 2  # each counts by itself, and each refuses
    assert "each worker counts by itself" in caplog.text
    redis_server.start()  # empty: the count begins anew, for both together
    wait(lambda: workers[0].get(ASKED).status_code == 200)
    wait(lambda: workers[1].get(ASKED).status_code == 200)
    assert statuses(workers, 3) == [200] * 3
    assert statuses(workers, 2) == [429] * 2


def test_a_redis_that_hangs_is_left_alone(redis_server):
    async def count() -> list[bool]:
        rates = RateLimits(redis_server.url)
        await rates.count("ann", read_limit("5/day"))
        os.kill(redis_server.pid, signal.SIGSTOP)
        return [await passes(rates) for _ in range(7)]

    try:
        assert asyncio.run(count()) == [True] * 5 + [False] * 2
    finally:
        os.kill(redis_server.pid, signal.SIGCONT)


async def passes(rates: RateLimits) -> bool:
    try:
        await rates.count("ann", read_limit("5/day"))
    except TooManyRequestsError:
        return False
    return True


def test_an_address_that_is_no_redis_is_told_at_the_start(settings, monkeypatch):
    monkeypatch.setenv("REDIS_URL", "localhost:6379")
    with pytest.raises(SettingsError, match=r"REDIS_URL.*redis://"):
        create_app(settings)


def test_leases_of_two_workers_stay_within_the_limit(redis_server, monkeypatch):
    monkeypatch.setattr("serving.access.limits._REDIS_SECONDS", 30.0)  # a busy machine is no dead Redis

    async def taken(rates: RateLimits, limit: object) -> int:
        count = 0
        for _ in range(1_000):
            if rates.takes("ann", limit, 3):
                count += 3
            elif await passes_large(rates, limit):
                count += 1
            await asyncio.sleep(0)
        return count

    async def both() -> list[int]:
        limit = read_limit("1000/day")
        return list(await asyncio.gather(*(taken(RateLimits(redis_server.url), limit) for _ in range(2))))

    found = asyncio.run(both())
    assert 900 <= sum(found) <= 1_000
    assert min(found) > 100


async def passes_large(rates: RateLimits, limit: object) -> bool:
    try:
        await rates.count("ann", limit)
    except TooManyRequestsError:
        return False
    return True


def test_a_small_limit_is_asked_of_redis_each_time(redis_server):
    async def asked() -> list[bool]:
        first, second = RateLimits(redis_server.url), RateLimits(redis_server.url)
        return [first.takes("ann", read_limit("5/day"), 1), await passes(first), second.takes("ann", None, 1)]

    assert asyncio.run(asked()) == [False, True, True]
