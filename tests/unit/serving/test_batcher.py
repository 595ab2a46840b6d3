"""Requests that come together share a call; each gets its own rows back, or its own error."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st

from serving.failures import ModelFailedError, OverloadedError, ProcessDiedError
from serving.runtime.batcher import Batcher
from serving.runtime.loaded_model import Predictions


class Doubler:
    """A model that doubles, remembers its calls, and fails on a negative row."""

    def __init__(self) -> None:
        self.calls: list[int] = []
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, columns, probabilities):
        self.gate.wait(30)
        values = columns["a"]
        self.calls.append(len(values))
        if (values < 0).any():
            raise ModelFailedError("A row is negative.")
        shares = (values / 1e6).tolist()
        return Predictions((2 * values).tolist(), shares, [{"x": s} for s in shares] if probabilities else None)


def run(model: Doubler, scenario: Callable[[Batcher], object], **limits: int):
    async def main():
        with ThreadPoolExecutor(2) as executor:
            return await scenario(Batcher(model, executor, **{"batch_rows": 32, "most_rows": 5_000, **limits}))

    return asyncio.run(main())


def ask(batcher, values, probabilities=False):
    return batcher.predict({"a": np.array(values, dtype=float)}, len(values), probabilities=probabilities)


REQUESTS = st.lists(
    st.tuples(st.lists(st.integers(-2, 10**6), min_size=1, max_size=40), st.booleans(), st.integers(0, 3)),
    min_size=1,
    max_size=60,
)


@given(REQUESTS)
@examples(60)
def test_answers_are_never_mixed_among_many_callers(requests):
    async def one(batcher, values, probabilities, turns):
        for _ in range(turns):
            await asyncio.sleep(0)
        try:
            found = await ask(batcher, values, probabilities)
        except ModelFailedError:
            assert min(values) < 0
            return
        assert min(values) >= 0
        assert found.values == [2.0 * value for value in values]
        assert found.confidences == [value / 1e6 for value in values]
        assert found.probabilities == ([{"x": value / 1e6} for value in values] if probabilities else None)

    async def scenario(batcher):
        await asyncio.gather(*(one(batcher, *request) for request in requests))
        assert batcher.waiting_rows == 0

    run(Doubler(), scenario, most_rows=10**6)


def test_requests_that_gather_during_a_call_share_the_next_within_the_limit_of_rows():
    model = Doubler()
    model.gate.clear()

    async def scenario(batcher):
        tasks = [asyncio.create_task(ask(batcher, [i] * 3)) for i in range(9)]
        await asyncio.sleep(0.01)
        model.gate.set()
        for index, found in enumerate(await asyncio.gather(*tasks)):
            assert found.values == [2.0 * index] * 3

    run(model, scenario)
    assert model.calls == [3, 24]


def test_a_full_call_begins_beside_the_one_that_runs_and_no_third():
    model = Doubler()
    model.gate.clear()

    async def scenario(batcher):
        tasks = [asyncio.create_task(ask(batcher, [i] * 3)) for i in range(24)]
        await asyncio.sleep(0.01)
        assert batcher.waiting_rows == 72 - 3 - 30  # a third call would be full, too
        model.gate.set()
        for index, found in enumerate(await asyncio.gather(*tasks)):
            assert found.values == [2.0 * index] * 3

    run(model, scenario)
    assert sorted(model.calls) == [3, 9, 30, 30]


def test_a_request_that_is_larger_than_a_batch_goes_alone():
    model = Doubler()

    async def scenario(batcher):
        assert len((await ask(batcher, list(range(1_000)))).values) == 1_000

    run(model, scenario)
    assert model.calls == [1_000]


def test_a_lone_caller_never_waits():
    async def scenario(batcher):
        for value in range(20):
            await ask(batcher, [value])
            assert batcher.window == 0

    run(Doubler(), scenario)


def test_callers_that_come_together_are_waited_for_and_share_calls():
    model = Doubler()

    async def caller(batcher, number):
        for turn in range(30):
            assert (await ask(batcher, [100 * number + turn])).values == [2.0 * (100 * number + turn)]

    async def scenario(batcher):
        await asyncio.gather(*(caller(batcher, number) for number in range(8)))
        assert 0 < batcher.window <= 0.02

    run(model, scenario)
    assert sum(model.calls) == 240
    assert len(model.calls) < 120  # 30 if every call had all eight


def test_more_rows_than_may_wait_are_refused_at_once():
    model = Doubler()
    model.gate.clear()

    async def scenario(batcher):
        first = asyncio.create_task(ask(batcher, [1] * 50))
        await asyncio.sleep(0.01)
        second = asyncio.create_task(ask(batcher, [2] * 8))
        await asyncio.sleep(0)
        with pytest.raises(OverloadedError, match="8 rows waiting"):
            await ask(batcher, [3] * 3)
        model.gate.set()
        assert [len(found.values) for found in await asyncio.gather(first, second)] == [50, 8]
        assert (await ask(batcher, [3] * 3)).values == [6.0] * 3

    run(model, scenario, most_rows=10)


def test_a_caller_that_has_gone_costs_nobody_else_an_answer():
    model = Doubler()
    model.gate.clear()

    async def scenario(batcher):
        tasks = [asyncio.create_task(ask(batcher, [i])) for i in range(5)]
        await asyncio.sleep(0.01)
        tasks[0].cancel()  # under way
        tasks[2].cancel()  # waiting
        await asyncio.sleep(0)
        model.gate.set()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(found[i]) for i in (0, 2)] == [asyncio.CancelledError] * 2
        assert [found[i].values for i in (1, 3, 4)] == [[2.0], [6.0], [8.0]]

    run(model, scenario)
    assert model.calls == [1, 3]


def test_a_closed_worker_is_an_error_for_those_who_wait():
    async def scenario():
        executor = ThreadPoolExecutor(1)
        batcher = Batcher(Doubler(), executor, batch_rows=32, most_rows=100)
        executor.shutdown()
        with pytest.raises(RuntimeError):
            await ask(batcher, [1])

    asyncio.run(scenario())


def test_a_model_that_answers_too_few_rows_is_not_believed():
    class Lossy(Doubler):
        def __call__(self, columns, probabilities):
            found = super().__call__(columns, probabilities)
            return Predictions(found.values[:-1]) if len(found.values) > 1 else found

    model = Lossy()
    model.gate.clear()

    async def scenario(batcher):
        tasks = [asyncio.create_task(ask(batcher, [i])) for i in range(4)]
        await asyncio.sleep(0.01)
        model.gate.set()
        assert [found.values for found in await asyncio.gather(*tasks)] == [[0.0], [2.0], [4.0], [6.0]]

    run(model, scenario)


def test_a_row_that_kills_the_process_costs_the_others_nothing():
    class Fragile(Doubler):
        def __call__(self, columns, probabilities):
            found = columns["a"].tolist()
            if 13 in found:
                self.calls.append(len(found))
                raise ProcessDiedError("The process died.")
            return super().__call__(columns, probabilities)

    async def scenario(batcher):
        first = asyncio.ensure_future(ask(batcher, [0]))
        await asyncio.sleep(0)
        others = [asyncio.ensure_future(ask(batcher, [value])) for value in (1, 13, 3)]
        await asyncio.sleep(0)
        model.gate.set()
        return await asyncio.gather(first, *others, return_exceptions=True)

    model = Fragile()
    model.gate.clear()
    found = run(model, scenario)
    assert [answer.values for answer in (found[0], found[1], found[3])] == [[0], [2], [6]]
    assert isinstance(found[2], ProcessDiedError)
    assert max(model.calls) == 3  # they were together
