"""How a task ends: what its log says, and whether it is tried again."""

from __future__ import annotations

import logging

import pytest

from millrace.errors import DataError, StorageError
from millrace.task_end import StageFailedError, StageRefusedError, end_task


def ended(error: Exception, caplog: pytest.LogCaptureFixture) -> tuple[StageFailedError, list[str]]:
    with caplog.at_level(logging.ERROR), pytest.raises(StageFailedError) as found:
        end_task(error)
    return found.value, [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]


def test_what_was_found_and_what_to_do_are_a_line_each(caplog: pytest.LogCaptureFixture) -> None:
    end, lines = ended(DataError("The column 'yy' is not there.", hint="Name one of: y, z."), caplog)
    assert lines == ["The column 'yy' is not there.", "What to do: Name one of: y, z."]
    assert isinstance(end, StageRefusedError)
    assert str(end) == "The column 'yy' is not there. Name one of: y, z."


def test_a_server_that_is_away_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    end, lines = ended(StorageError("MongoDB does not answer."), caplog)
    assert lines == ["MongoDB does not answer."]
    assert not isinstance(end, StageRefusedError)


def test_a_fault_of_the_program_is_one_line_too(caplog: pytest.LogCaptureFixture) -> None:
    end, lines = ended(KeyError("x"), caplog)
    assert lines == ["KeyError: 'x'"]
    assert end.document["code"] == "internal_error"
