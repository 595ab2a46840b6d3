"""The background writer: order, retries, and what it does when it cannot write."""

from __future__ import annotations

import logging
import multiprocessing
import threading

import pytest

from millrace import background
from millrace.background import Writer
from millrace.errors import NotFoundError, StorageError

LONG = 20.0


def test_writes_happen_in_order() -> None:
    written: list[int] = []
    writer = Writer("test")
    for number in range(100):
        writer.submit(written.append, number)
    assert writer.flush(LONG)
    assert written == list(range(100))


def test_a_write_that_may_succeed_later_is_tried_again_before_the_next() -> None:
    written: list[str] = []
    refusals = iter([True, True, False])

    def stubborn() -> None:
        if next(refusals):
            raise StorageError("MongoDB is away.")
        written.append("first")

    writer = Writer("test")
    writer.submit(stubborn)
    writer.submit(written.append, "second")
    assert writer.flush(LONG)
    assert written == ["first", "second"]


@pytest.mark.parametrize("error", [NotFoundError("There is no run."), KeyError("a bug")])
def test_a_write_that_cannot_succeed_is_logged_and_passed_over(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    written: list[str] = []

    def refused() -> None:
        raise error

    writer = Writer("test")
    with caplog.at_level(logging.WARNING):
        writer.submit(refused)
        writer.submit(written.append, "next")
        assert writer.flush(LONG)
    assert written == ["next"]
    assert len(caplog.records) == 1


def test_a_retryable_write_is_given_up_in_the_end() -> None:
    def refused() -> None:
        raise StorageError("MongoDB is away.")

    writer = Writer("test", retry_seconds=0.0)
    writer.submit(refused)
    assert writer.flush(LONG)


def test_flush_gives_up_while_a_write_hangs() -> None:
    release = threading.Event()
    writer = Writer("test")
    writer.submit(release.wait)
    assert writer.flush(0.1) is False
    release.set()
    assert writer.flush(LONG)


def test_a_full_queue_drops_and_says_so(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(background, "MOST_WAITING", 1)
    begun, release, written = threading.Event(), threading.Event(), []

    def hang() -> None:
        begun.set()
        release.wait()

    writer = Writer("test")
    writer.submit(hang)
    assert begun.wait(LONG)
    writer.submit(written.append, "kept")
    writer.submit(written.append, "dropped")
    release.set()
    assert writer.flush(LONG)
    assert written == ["kept"]
    assert "one more was dropped" in caplog.text


def _child(writer: Writer, answers: multiprocessing.Queue[bool]) -> None:
    done = threading.Event()
    writer.submit(done.set)
    answers.put(done.wait(LONG))


def test_a_fork_has_a_thread_of_its_own() -> None:
    writer = Writer("test")
    writer.submit(lambda: None)
    assert writer.flush(LONG)
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    child = context.Process(target=_child, args=(writer, answers))
    child.start()
    assert answers.get(timeout=LONG) is True
    child.join()
