"""What the process remembers of callers: how soon it asks again, and what it does while MongoDB is away."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from millrace.errors import StorageError
from serving.access.callers import Caller
from serving.access.failures import NotSignedInError
from serving.access.identities import Identities

ANNA = Caller("anna", "user", frozenset({"read"}))


class Accounts:
    """Answers lookups as it is told, and counts them."""

    def __init__(self, answer: Caller | Exception | None) -> None:
        self.answer = answer
        self.asked = 0

    def __call__(self, token: str) -> Caller | None:
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


async def nothing() -> None:
    """Nothing happens before an unknown token is looked up."""


def ask(identities: Identities, token: str = "t") -> Caller:
    async def once() -> Caller:
        found = await identities.caller(token, nothing)
        while identities._tasks:
            await asyncio.sleep(0.001)
        return found

    return asyncio.run(once())


def test_a_known_caller_costs_one_question():
    accounts = Accounts(ANNA)
    identities = Identities(accounts, 60, 60)
    assert [ask(identities) for _ in range(5)] == [ANNA] * 5
    assert accounts.asked == 1
    ask(identities, "another")
    assert accounts.asked == 2


def test_a_withdrawn_caller_is_noticed_by_the_question_beside_a_request():
    accounts = Accounts(ANNA)
    identities = Identities(accounts, 0.02, 60)
    ask(identities)
    accounts.answer = None
    time.sleep(0.03)
    ask(identities)  # answered from memory, or after the question when this took long; either way it asks
    assert ask(identities).refusal is not None


def test_a_caller_who_was_away_for_long_is_looked_up_before_the_answer():
    accounts = Accounts(ANNA)
    identities = Identities(accounts, 0.005, 60)
    ask(identities)
    accounts.answer = None
    time.sleep(0.05)
    assert ask(identities).refusal is not None


def test_a_change_made_here_counts_at_once():
    accounts = Accounts(ANNA)
    identities = Identities(accounts, 60, 60)
    ask(identities)
    accounts.answer = None
    identities.forget()
    assert isinstance(ask(identities).refusal, NotSignedInError)


def test_a_look_from_before_a_change_made_here_does_not_count():
    """A key that is withdrawn while MongoDB is being asked about it must not go on by the answer of before."""
    began, change = threading.Event(), threading.Event()
    answers = [ANNA, ANNA, None]

    def slowly(token: str) -> Caller | None:
        answer = answers.pop(0)
        if len(answers) == 1:
            began.set()
            change.wait(30)
        return answer

    async def scenario() -> None:
        identities = Identities(slowly, 60, 600)
        await identities.caller("t", nothing)
        next(iter(identities._known.values())).asked -= 90
        assert identities.remembered("t") == ANNA  # it looks beside this request
        await asyncio.to_thread(began.wait, 30)
        identities.forget()
        assert identities.remembered("t") is None
        change.set()
        while identities._tasks:
            await asyncio.sleep(0.001)
        assert identities.remembered("t") is None
        assert (await identities.caller("t", nothing)).refusal is not None

    asyncio.run(scenario())


def test_a_refused_token_is_remembered_too_and_counted():
    accounts = Accounts(None)
    identities = Identities(accounts, 60, 60)
    counted = []

    async def twice() -> None:
        async def unknown() -> None:
            counted.append(1)

        for _ in range(3):
            assert (await identities.caller("guess", unknown)).refusal is not None

    asyncio.run(twice())
    assert (accounts.asked, len(counted)) == (1, 1)


def test_known_callers_go_on_while_mongodb_is_away_and_new_ones_cannot_come():
    accounts = Accounts(ANNA)
    identities = Identities(accounts, 0, 60)
    ask(identities)
    accounts.answer = StorageError("MongoDB is away.")
    assert ask(identities) == ANNA
    assert isinstance(ask(identities, "new").refusal, StorageError)
    assert accounts.asked == 2  # it is not asked again at once


def test_nobody_goes_on_for_ever_without_mongodb():
    accounts = Accounts(ANNA)
    identities = Identities(accounts, 0, 0)
    ask(identities)
    accounts.answer = StorageError("MongoDB is away.")
    time.sleep(0.002)
    assert isinstance(ask(identities).refusal, StorageError)


def test_an_expired_caller_is_refused_from_memory():
    identities = Identities(Accounts(Caller("anna", "user", expires=time.time() - 1)), 60, 60)
    assert ask(identities).refusal is not None
    assert ask(identities).refusal is not None


def test_memory_has_an_end(monkeypatch):
    monkeypatch.setattr("serving.access.identities.MOST_KNOWN", 3)
    identities = Identities(Accounts(ANNA), 60, 60)
    for number in range(10):
        ask(identities, str(number))
    assert len(identities._known) == 3


@pytest.mark.parametrize("token", ["", "ü", "\udcff", "x" * 10_000])
def test_odd_tokens_are_only_unknown(token):
    assert ask(Identities(Accounts(None), 60, 60), token).refusal is not None
