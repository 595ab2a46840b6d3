"""The client of Airflow's API: tokens, and errors in one sentence."""

from __future__ import annotations

import threading
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from cli_helpers import Answer, http_server

from millrace.cli import airflow_api
from millrace.cli.airflow_api import AirflowApi, AirflowError
from millrace.cli.failures import CommandError
from millrace.errors import StackError
from millrace.settings import Settings


def settings_for(url: str, password: str | None = "right") -> Settings:
    return Settings(airflow_url=url, airflow_password=password)


class FakeAirflow:
    """Answers as Airflow's API does, with tokens that run out after some calls."""

    def __init__(self, calls_for_a_token: int = 100) -> None:
        self.tokens = 0
        self.calls = 0
        self.calls_for_a_token = calls_for_a_token
        self.runs: list[str] = []

    def __call__(self, method: str, path: str, body: Any, headers: dict[str, str]) -> Answer:
        if path == "/auth/token":
            if body["password"] != "right":
                return 401, {"detail": "Invalid credentials"}
            self.tokens += 1
            self.calls = 0
            return 201, {"access_token": f"token{self.tokens}"}
        self.calls += 1
        if headers.get("Authorization") != f"Bearer token{self.tokens}" or self.calls > self.calls_for_a_token:
            return 401, {"detail": "expired"}
        if path == "/api/v2/dags/known/details":
            return 200, {"dag_id": "known", "is_paused": False}
        if path == "/api/v2/dags/known/dagRuns" and method == "POST":
            if "wrong" in body["conf"]:
                return 400, {"detail": "Invalid input for param wrong"}
            return self.run_of(body)
        if path.startswith("/api/v2/dags/known/dagRuns/"):
            return 200, {"dag_run_id": unquote(path.rpartition("/")[2])}
        return 404, {"detail": "The Dag with ID: `unknown` was not found"}

    def run_of(self, body: Any) -> Answer:
        """One run by each id."""
        if body["dag_run_id"] in self.runs:
            return 409, {"detail": "Unique constraint violation"}
        self.runs.append(body["dag_run_id"])
        return 200, {"dag_run_id": body["dag_run_id"], "sent": body}


def test_a_run_is_triggered_with_its_configuration() -> None:
    with http_server(FakeAirflow()) as url:
        answer = AirflowApi(settings_for(url)).trigger("known", {"use_cache": True})
    assert answer["dag_run_id"].startswith("manual__20")
    assert answer["sent"] == {"dag_run_id": answer["dag_run_id"], "logical_date": None, "conf": {"use_cache": True}}


def test_a_token_that_ran_out_is_fetched_again() -> None:
    server = FakeAirflow(calls_for_a_token=2)
    with http_server(server) as url:
        api = AirflowApi(settings_for(url))
        assert all(api.dag("known") for _ in range(5))
    assert server.tokens == 3


def test_an_unknown_dag_is_none_and_a_refused_call_says_why() -> None:
    with http_server(FakeAirflow()) as url:
        api = AirflowApi(settings_for(url))
        assert api.dag("unknown") is None
        with pytest.raises(AirflowError, match=r"answered 400 .*Invalid input for param wrong"):
            api.trigger("known", {"wrong": 1})


def test_a_wrong_password_is_bad_usage() -> None:
    with http_server(FakeAirflow()) as url, pytest.raises(CommandError, match="does not let admin in"):
        AirflowApi(settings_for(url, "wrong")).dag("known")


@pytest.mark.parametrize(("password", "found"), [("right", "does not answer"), (None, "No password")])
def test_an_airflow_that_is_not_there_says_how_to_start_it(password: str | None, found: str) -> None:
    with pytest.raises(StackError, match=found) as error:
        AirflowApi(settings_for("http://127.0.0.1:9", password)).dag("known")
    assert error.value.hint is not None
    assert "--local" in error.value.hint


class ManyRuns(FakeAirflow):
    """Hands out a hundred runs at once at most, as Airflow does, whatever is asked for."""

    def __call__(self, method: str, path: str, body: Any, headers: dict[str, str]) -> Answer:
        asked = urlsplit(path)
        if asked.path != "/api/v2/dags/known/dagRuns":
            return super().__call__(method, path, body, headers)
        query = {name: values[0] for name, values in parse_qs(asked.query).items()}
        first = int(query.get("offset", 0))
        names = [f"day-{number}" for number in range(250)][first : first + min(int(query["limit"]), 100)]
        return 200, {"dag_runs": [{"dag_run_id": name} for name in names], "total_entries": 250}


def test_all_runs_of_a_long_backfill_are_found_each_once() -> None:
    with http_server(ManyRuns()) as url:
        runs = AirflowApi(settings_for(url)).dag_runs("known", "2026-01-01", "2026-12-31")
    assert [run["dag_run_id"] for run in runs] == [f"day-{number}" for number in range(250)]


class Restarting(FakeAirflow):
    """Is away for some calls after the first one."""

    def __init__(self, away: int) -> None:
        super().__init__()
        self.asked = 0
        self.away = away

    def __call__(self, method: str, path: str, body: Any, headers: dict[str, str]) -> Answer:
        self.asked += path != "/auth/token"
        if 1 < self.asked <= 1 + self.away:
            return 503, {"detail": "starting"}
        return super().__call__(method, path, body, headers)


def test_a_question_waits_for_an_airflow_that_is_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(airflow_api, "PAUSE_SECONDS", 0.0)
    with http_server(Restarting(away=3)) as url:
        api = AirflowApi(settings_for(url))
        assert api.dag("known") == api.dag("known")


def test_an_order_that_would_count_twice_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(airflow_api, "PAUSE_SECONDS", 0.0)
    server = Restarting(away=1)
    with http_server(server) as url:
        api = AirflowApi(settings_for(url))
        api.dag("known")
        with pytest.raises(AirflowError, match="answered 503"):
            api.backfill({})
    assert server.asked == 2


class AnswersTooLate(FakeAirflow):
    """Does what it is told, but the first answers do not come in time: a token's, a question's and an order's."""

    def __init__(self) -> None:
        super().__init__()
        self.hurry = threading.Event()
        self.late = {"/auth/token", "/api/v2/dags/known/details", "/api/v2/dags/known/dagRuns"}

    def __call__(self, method: str, path: str, body: Any, headers: dict[str, str]) -> Answer:
        answer = super().__call__(method, path, body, headers)
        if path in self.late:
            self.late.remove(path)
            self.hurry.wait(30)
        return answer


def test_an_order_without_an_answer_is_repeated_and_starts_one_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(airflow_api, "PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(airflow_api, "TIMEOUT_SECONDS", 0.5)
    server = AnswersTooLate()
    with http_server(server) as url:
        api = AirflowApi(settings_for(url))
        assert api.dag("known") == {"dag_id": "known", "is_paused": False}
        started = api.trigger("known", {})
        server.hurry.set()
    assert [started["dag_run_id"]] == server.runs
    assert server.late == set()


def test_patience_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(airflow_api, "PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(airflow_api, "PATIENCE_SECONDS", 0.05)
    with http_server(Restarting(away=100_000)) as url:
        api = AirflowApi(settings_for(url))
        api.dag("known")
        with pytest.raises(AirflowError, match="answered 503"):
            api.dag("known")


def test_an_airflow_that_is_busy_is_not_said_to_be_down(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(airflow_api, "TIMEOUT_SECONDS", 0.2)
    answered = threading.Event()

    def slow(method: str, path: str, body: Any, headers: dict[str, str]) -> Answer:
        answered.wait(30)
        return 200, {}

    with http_server(slow) as url:
        with pytest.raises(StackError, match=r"busy\. What was asked for may have been done"):
            AirflowApi(settings_for(url)).backfill({})
        answered.set()
