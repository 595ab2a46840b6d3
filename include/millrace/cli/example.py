"""Brings one pipeline from its spec to a served champion, and shows how to ask it: the end of `make up`.

A champion that serves already is not trained again.
"""

from __future__ import annotations

import json
import shlex
import time
from typing import TYPE_CHECKING, Any

from millrace.cli.output import note, print_text
from millrace.errors import StackError

if TYPE_CHECKING:
    from millrace.settings import Settings

SERVED_SECONDS = 60.0
ASK_SECONDS = 30.0


def serve_example(name: str, settings: Settings) -> None:
    """Run the pipeline through Airflow unless its champion serves, and print a `curl` that predicts."""
    row = _example_row(name, settings)
    if row is None:
        _train(name, settings)
        row = _wait_until_served(name, settings)
    else:
        note(f"{name} has a champion that serves")
    url = f"{settings.service}/api/v1/models/{name}/predict"
    answer = _ask("POST", url, row)
    if answer is None or not answer.get("success"):
        raise StackError(
            f"{url} does not predict: {answer}.", hint="Look at the service's log under MILLRACE_HOME/logs."
        )
    print_text(f"\n{name}, version {answer['model_version']}, predicts {answer['prediction']!r} for this row:\n")
    print_text(f"curl -s -X POST {url} -H 'Content-Type: application/json' -d {shlex.quote(json.dumps(row))}")


def _train(name: str, settings: Settings) -> None:
    from millrace.cli.airflow_run import run_in_airflow
    from millrace.cli.run import summary_text
    from millrace.cli.specs import deployed

    note(f"training the example pipeline {name}")
    summary = run_in_airflow(deployed(name, settings), None, True, settings)
    note(summary_text(summary))
    if summary["status"] != "success":
        message = (summary.get("error") or {}).get("message", "no error was recorded")
        raise StackError(
            f"The example pipeline {name} failed: {message}", hint=f"millrace runs show {summary['run_id']}"
        )


def _wait_until_served(name: str, settings: Settings) -> dict[str, Any]:
    deadline = time.monotonic() + SERVED_SECONDS
    while (row := _example_row(name, settings)) is None:
        if time.monotonic() > deadline:
            raise StackError(
                f"{name} has no champion that serves after {SERVED_SECONDS:.0f} s.",
                hint=f"Open {settings.service}/health, it says which model could not be loaded and why.",
            )
        time.sleep(0.5)
    return row


def _example_row(name: str, settings: Settings) -> dict[str, Any] | None:
    answer = _ask("GET", f"{settings.service}/api/v1/models/{name}/schema", None)
    return answer.get("example") if answer else None


def _ask(method: str, url: str, body: Any) -> dict[str, Any] | None:
    import httpx

    try:
        with httpx.Client(trust_env=False, timeout=ASK_SECONDS) as client:
            response = client.request(method, url, json=body)
            document = response.json() if response.is_success else None
    except (httpx.HTTPError, ValueError):
        return None
    return document if isinstance(document, dict) else None
