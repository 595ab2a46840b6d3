"""Who may come in, who is sent away, and who has waited long enough."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import ExitStack

import pytest

from serving.failures import OverloadedError
from serving.runtime.admission import Admission, DeadlineError


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test moves."""

    class Clock:
        now = 100.0

        def monotonic(self):
            return self.now

    found = Clock()
    monkeypatch.setattr("serving.runtime.admission.time", found)
    return found


def test_a_model_that_is_idle_takes_any_number_of_rows(clock):
    admission = Admission(1.0)
    with admission.enter("m", 100_000):
        assert admission.under_way() == 100_000
    assert admission.under_way() == 0


def test_a_burst_is_taken_until_it_is_known_to_be_too_much(clock):
    admission = Admission(0.1)
    with ExitStack() as under_way:
        for _ in range(1000):
            under_way.enter_context(admission.enter("m", 1))
        assert admission.under_way() == 1000


def offered(clock, admission, *, seconds, rate, capacity):
    """A queue with one server: how long each accepted request took, and how many were refused."""
    line, taken, refused = deque(), [], 0
    due = done = clock.now
    end = clock.now + seconds
    while clock.now < end:
        if due <= done or not line:
            clock.now = max(clock.now, due)
            due += 1 / rate
            stack = ExitStack()
            try:
                stack.enter_context(admission.enter("m", 1))
            except OverloadedError:
                refused += 1
                continue
            if not line:
                done = clock.now + 1 / capacity
            line.append((clock.now, stack))
        else:
            clock.now = max(clock.now, done)
            since, stack = line.popleft()
            stack.close()
            taken.append(clock.now - since)
            done = clock.now + 1 / capacity
    for _, stack in line:
        stack.close()
    return taken, refused


@pytest.mark.parametrize("capacity", [400, 1_500, 10_000])
def test_under_four_times_its_load_a_model_stays_quick_and_busy(clock, capacity):
    admission = Admission(0.1)
    offered(clock, admission, seconds=2, rate=4 * capacity, capacity=capacity)  # it learns
    taken, refused = offered(clock, admission, seconds=5, rate=4 * capacity, capacity=capacity)
    assert len(taken) >= 0.95 * 5 * capacity
    assert sorted(taken)[int(0.99 * len(taken))] < 0.15
    assert refused > 2 * len(taken)


def test_a_model_within_its_capacity_refuses_nobody(clock):
    taken, refused = offered(clock, Admission(0.1), seconds=5, rate=900, capacity=1_000)
    assert refused == 0
    assert len(taken) > 4_000


def test_after_the_rush_the_limit_grows_again(clock):
    admission = Admission(0.1)
    offered(clock, admission, seconds=2, rate=4_000, capacity=400)
    taken, refused = offered(clock, admission, seconds=3, rate=3_000, capacity=4_000)
    assert refused < 0.05 * len(taken)


def test_a_model_is_stuck_when_its_oldest_prediction_takes_far_longer_than_its_rows_explain(clock):
    admission = Admission(0.1)
    assert not admission.is_stuck("m")
    with admission.enter("m", 1), admission.enter("large", 10_000):
        clock.now += 61.0
        assert admission.is_stuck("m")
        assert not admission.is_stuck("large")
        clock.now += 6_000.0
        assert admission.is_stuck("large")
    assert not admission.is_stuck("m")


def test_one_that_is_stuck_stops_the_line_and_no_other(clock):
    shed = []
    admission = Admission(0.1, note_shed=lambda name, requests: shed.extend([name] * requests))
    with ExitStack() as oldest:
        oldest.enter_context(admission.enter("m", 10))
        clock.now += 3.9
        with admission.enter("m", 1):
            clock.now += 0.2
            assert not admission.has_room("m")
            with pytest.raises(OverloadedError, match="11 rows are under way"), admission.enter("m", 1):
                pass
            assert shed == ["m"]
            with admission.enter("other", 1):
                assert admission.under_way() == 12
            oldest.close()
            with admission.enter("m", 1):
                pass


def test_a_large_batch_may_take_longer_than_a_row(clock):
    admission = Admission(0.1)
    with admission.enter("m", 1_000):
        clock.now += 1.0
    with admission.enter("m", 1_000):
        assert admission.has_room("m", 1_000)  # a second that long for one row would have cut the limit


def test_a_failed_prediction_is_no_longer_under_way():
    admission = Admission(1.0)
    with pytest.raises(ZeroDivisionError), admission.enter("m", 5):
        raise ZeroDivisionError
    assert admission.under_way() == 0


def test_a_deadline_ends_the_wait():
    ended = []

    async def endless():
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    async def ask(patience, work):
        return await Admission(1.0, patience=lambda: patience).in_time("m", work)

    async def quick():
        return 7

    with pytest.raises(DeadlineError, match="within the 1 milliseconds"):
        asyncio.run(ask(0.001, endless()))
    assert ended == [True]
    assert asyncio.run(ask(60.0, quick())) == 7
    assert asyncio.run(ask(None, quick())) == 7


def test_a_limit_is_not_cut_below_what_the_model_computes_in_half_of_the_time(clock):
    for pace, expected in ((0.0002, 250), (1.0, 32), (None, 32)):
        admission = Admission(0.1, first_rows=1_000, paces={} if pace is None else {"m": pace})
        for _ in range(50):  # each takes too long, whatever is under way
            places = [admission.begin("m") for _ in range(300)]
            clock.now += 0.2
            for place in places:
                admission.end(place)
        taken = []
        while admission.has_room("m"):
            taken.append(admission.begin("m"))
        assert abs(len(taken) - expected) <= 1
