"""Who may come in, who is sent away, and who has waited long enough."""

from __future__ import annotations

import asyncio
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


def test_a_burst_is_taken_while_nobody_has_waited_for_long(clock):
    admission = Admission(1.0)
    with ExitStack() as under_way:
        for _ in range(1000):
            under_way.enter_context(admission.enter("m", 1))
            clock.now += 0.001
        assert admission.under_way() == 1000


def test_while_the_oldest_waits_too_long_others_are_refused_and_counted(clock):
    shed = []
    admission = Admission(1.0, note_shed=shed.append)
    with ExitStack() as oldest, admission.enter("other", 1):
        oldest.enter_context(admission.enter("m", 10))
        clock.now += 0.9
        with admission.enter("m", 1):
            clock.now += 0.3
            with pytest.raises(OverloadedError, match=r"waits for 1\.2 s already"), admission.enter("m", 1):
                pass
            assert shed == ["m"]
            assert admission.under_way() == 12
            oldest.close()
            with admission.enter("m", 1):  # the one that is the oldest now waits for 0.3 s
                pass


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
