"""A run in Airflow begins with the spec as it stands, and is followed though some questions stay unanswered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from millrace.cli import airflow_run
from millrace.cli.airflow_run import _follow, wait_until_parsed
from millrace.errors import NotFoundError, StackError
from millrace.settings import PROJECT
from millrace.spec.catalogue import LoadedSpec, load_spec

DAGS = PROJECT / "dags"


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


class Parsing:
    """Knows a pipeline as an older spec said, until it was asked to read the file some times ago."""

    def __init__(self, after: int, *versions: str | None) -> None:
        self.after, self.versions = after, list(versions)
        self.asked = 0

    def dag(self, name: str) -> dict[str, Any] | None:
        late = self.asked and self.after > 0
        self.after -= 1 if late else 0
        version = self.versions[0] if late or not self.asked else self.versions[-1]
        return None if version is None else {"doc_md": f"`prices.yaml`, {version}:", "is_paused": False}

    def parse_soon(self, file: str) -> None:
        assert (DAGS / file).is_file()
        self.asked += 1

    def import_errors(self) -> list[dict[str, Any]]:
        return [{"stack_trace": "SpecError: prices.yaml:3: no such key"}]


@pytest.fixture
def prices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LoadedSpec:
    monkeypatch.setattr(airflow_run, "LOOK_SECONDS", 0)
    (tmp_path / "prices.yaml").write_text("name: prices\nsource: {type: sample, name: sklearn/iris}\n")
    return load_spec(tmp_path / "prices.yaml")


def test_a_pipeline_that_airflow_knows_is_not_waited_for(prices: LoadedSpec) -> None:
    api = Parsing(0, prices.named_version)
    wait_until_parsed(api, prices)  # type: ignore[arg-type]
    assert api.asked == 0


@pytest.mark.parametrize("before", [None, "version `0123456789abcdef`"])
def test_airflow_is_asked_to_read_a_spec_that_is_new_or_was_changed(prices: LoadedSpec, before: str | None) -> None:
    api = Parsing(3, before, prices.named_version)
    wait_until_parsed(api, prices)  # type: ignore[arg-type]
    assert (api.asked, api.after) == (1, 0)


def test_an_airflow_with_other_specs_is_told_of(
    prices: LoadedSpec, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(airflow_run, "OLDER_SECONDS", -1)
    wait_until_parsed(Parsing(0, "version `0123456789abcdef`"), prices)  # type: ignore[arg-type]
    assert "another version of the spec of prices" in capsys.readouterr().err


def test_a_spec_that_airflow_never_reads_is_an_error(prices: LoadedSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(airflow_run, "PARSE_SECONDS", -1)
    with pytest.raises(StackError, match=r"not read the pipeline 'prices' .*no such key"):
        wait_until_parsed(Parsing(0, None), prices)  # type: ignore[arg-type]
