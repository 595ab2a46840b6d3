"""A client of the few calls of Airflow's REST API that the commands need.

It answers for authentication and for clear errors; what a run means is no business of it. Whoever follows a run must
outlive a restart of Airflow, and a machine that is busy: what may be asked again waits some time for an Airflow that
is there.
"""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from millrace.cli.failures import CommandError
from millrace.errors import MillraceError, StackError

if TYPE_CHECKING:
    import httpx

    from millrace.settings import Settings

TIMEOUT_SECONDS = 30
PATIENCE_SECONDS = 120.0
"""How long a call that may be repeated waits for an Airflow that was there before."""
PAUSE_SECONDS = 1.0
PAGE = 100
"""What Airflow hands out at once at most, whatever is asked for."""
_AWAY = {502, 503, 504}


class AirflowError(MillraceError):
    """Airflow refused a call."""

    code = "airflow_refused"
    http_status = 502


class AirflowApi:
    """Airflow 3's REST API for one user, whose token is fetched when it is first needed and again when it runs out."""

    def __init__(self, settings: Settings, client: httpx.Client | None = None) -> None:
        self._settings = settings
        self._client = client
        self._token: str | None = None
        self._is_there = False

    def dag(self, dag_id: str) -> dict[str, Any] | None:
        """The DAG with its documentation, or None while Airflow has not parsed it."""
        return self._answer("GET", f"/api/v2/dags/{dag_id}/details", absent=True)

    def parse_soon(self, file: str) -> None:
        """Let Airflow parse a file of the DAG folder next; where it knows no DAG of it, it goes on in its own order."""
        dags = self._call("GET", "/api/v2/dags", params={"limit": PAGE, "exclude_stale": False})["dags"]
        token = next((dag["file_token"] for dag in dags if dag["relative_fileloc"] == file), None)
        if token is not None:
            self._call("PUT", f"/api/v2/parseDagFile/{token}", repeatable=True)

    def import_errors(self) -> list[dict[str, Any]]:
        """What Airflow could not parse."""
        errors: list[dict[str, Any]] = self._call("GET", "/api/v2/importErrors", params={"limit": 100})["import_errors"]
        return errors

    def unpause(self, dag_id: str) -> None:
        """Let the DAG run."""
        self._call("PATCH", f"/api/v2/dags/{dag_id}", json={"is_paused": False}, repeatable=True)

    def trigger(self, dag_id: str, conf: dict[str, Any]) -> dict[str, Any]:
        """Start a run of the DAG; returns the DAG run.

        Its id is chosen here, as Airflow would: an order without an answer is given again and starts no second run.
        """
        run_id = f"manual__{datetime.now(UTC).isoformat()}_{secrets.token_hex(4)}"
        body = {"dag_run_id": run_id, "logical_date": None, "conf": conf}
        try:
            return self._call("POST", f"/api/v2/dags/{dag_id}/dagRuns", json=body, repeatable=True)
        except AirflowError as error:
            if error.details.get("status") != 409:
                raise
            return self.dag_run(dag_id, run_id)

    def dag_run(self, dag_id: str, dag_run_id: str) -> dict[str, Any]:
        """The DAG run as it stands."""
        return self._call("GET", f"/api/v2/dags/{dag_id}/dagRuns/{dag_run_id}")

    def dag_runs(self, dag_id: str, start: str, end: str) -> list[dict[str, Any]]:
        """The DAG's runs whose logical date lies in [start, end], oldest first."""
        params = {"logical_date_gte": start, "logical_date_lte": end, "order_by": "logical_date", "limit": PAGE}
        runs: list[dict[str, Any]] = []
        while True:
            page = self._call("GET", f"/api/v2/dags/{dag_id}/dagRuns", params={**params, "offset": len(runs)})
            runs += page["dag_runs"]
            if not page["dag_runs"] or len(runs) >= page["total_entries"]:
                return runs

    def backfill(self, body: dict[str, Any]) -> dict[str, Any]:
        """Create a backfill. Raises AirflowError; `details["status"]` is 409 while another one of the DAG goes on."""
        return self._call("POST", "/api/v2/backfills", json=body)

    def backfills(self, dag_id: str) -> list[dict[str, Any]]:
        """The DAG's backfills, newest first; `completed_at` is null while one goes on."""
        params = {"dag_id": dag_id, "order_by": "-id", "limit": 100}
        found: list[dict[str, Any]] = self._call("GET", "/api/v2/backfills", params=params)["backfills"]
        return found

    def backfill_state(self, backfill_id: int) -> dict[str, Any]:
        """The backfill as it stands."""
        return self._call("GET", f"/api/v2/backfills/{backfill_id}")

    def _call(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        answer = self._answer(method, path, **more)
        return answer or {}

    def _answer(self, method: str, path: str, absent: bool = False, **more: Any) -> dict[str, Any] | None:
        response = self._patiently(method, path, **more)
        if response.status_code == 401:
            self._token = None
            response = self._patiently(method, path, **more)
        if absent and response.status_code == 404:
            return None
        if response.is_error:
            raise AirflowError(
                f"Airflow answered {response.status_code} to {method} {path}: {_reason(response)}.",
                details={"status": response.status_code},
            )
        document: dict[str, Any] = response.json() if response.content else {}
        return document

    def _patiently(self, method: str, path: str, repeatable: bool = False, **more: Any) -> httpx.Response:
        until = time.monotonic() + (PATIENCE_SECONDS if repeatable or method == "GET" else 0.0)
        while True:
            over = time.monotonic() >= until
            try:
                response = self._send(method, path, **more)
            except StackError:
                if over or not self._is_there:
                    raise
            else:
                if over or not self._is_there or response.status_code not in _AWAY:
                    self._is_there = True
                    return response
            time.sleep(PAUSE_SECONDS)

    def _send(self, method: str, path: str, **more: Any) -> httpx.Response:
        if self._token is None:
            self._token = self._fetch_token()
        return self._request(method, path, headers={"Authorization": f"Bearer {self._token}"}, **more)

    def _fetch_token(self) -> str:
        password = self._settings.airflow_password
        if password is None:
            raise StackError(
                "No password for Airflow is known.",
                hint="'millrace up' starts the stack and sets one; for another Airflow set AIRFLOW_URL, "
                "AIRFLOW_USERNAME and AIRFLOW_PASSWORD; or run here with --local.",
            )
        body = {"username": self._settings.airflow_username, "password": password.get_secret_value()}
        response = self._request("POST", "/auth/token", json=body)
        if response.is_error:
            raise CommandError(
                f"Airflow at {self._settings.airflow} does not let {self._settings.airflow_username} in "
                f"({response.status_code}).",
                hint="Check AIRFLOW_USERNAME and AIRFLOW_PASSWORD.",
            )
        return str(response.json()["access_token"])

    def _request(self, method: str, path: str, **more: Any) -> httpx.Response:
        import httpx

        if self._client is None:
            self._client = httpx.Client(timeout=TIMEOUT_SECONDS)
        try:
            return self._client.request(method, self._settings.airflow + path, **more)
        except httpx.ReadTimeout:
            self._is_there = True
            raise StackError(
                f"Airflow at {self._settings.airflow} has not answered within {TIMEOUT_SECONDS} s: it is busy.",
                hint="What was asked for may have been done all the same: look there before you ask again.",
            ) from None
        except httpx.HTTPError as error:
            raise StackError(
                f"Airflow does not answer at {self._settings.airflow} ({error}).",
                hint="Start the stack with 'millrace up', or run here with --local.",
            ) from error


def _reason(response: httpx.Response) -> str:
    """Airflow's own words; its validation errors are lists."""
    try:
        detail = response.json().get("detail", response.text)
    except ValueError:
        detail = response.text[:300]
    if isinstance(detail, list):
        detail = "; ".join(str(part.get("msg", part)) if isinstance(part, dict) else str(part) for part in detail)
    return str(detail).strip().rstrip(".")
