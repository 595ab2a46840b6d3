"""A run in Airflow is followed to its end, though Airflow leaves some questions unanswered."""

from __future__ import annotations

from typing import Any

import pytest

from millrace.cli import airflow_run
from millrace.cli.airflow_run import _follow
from millrace.errors import NotFoundError, StackError


class Runs:
    """No record is there yet."""

    def get_run(self, run_id: str) -> dict[str, Any]:
        raise NotFoundError(run_id)


class Airflow:
    """Answers with each of these in turn, the last one again and again."""

    def __init__(self, *answers: str | StackError) -> None:
        self.answers = list(answers)

    def dag_run(self, name: str, dag_run_id: str) -> dict[str, Any]:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, StackError):
            raise answer
        return {"state": answer}


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(airflow_run, "POLL_SECONDS", 0)


def followed(api: Airflow) -> dict[str, Any]:
    return _follow(api, Runs(), "prices", "manual__1", "prices--1", lambda *_: None)  # type: ignore[arg-type]


def test_silence_for_a_while_is_told_once_and_waited_out(capsys: pytest.CaptureFixture[str]) -> None:
    away = StackError("Airflow does not answer (timed out).")
    assert followed(Airflow("running", away, away, "running", away, "success")) == {"state": "success"}
    assert capsys.readouterr().err.count("timed out). Waiting for it") == 2  # two silences


def test_silence_for_long_says_where_the_run_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(airflow_run, "SILENT_SECONDS", -1)
    with pytest.raises(StackError, match=r"timed out\). The run may go on; 'millrace runs show prices--1'"):
        followed(Airflow(StackError("Airflow does not answer (timed out).")))
