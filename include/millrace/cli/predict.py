"""`millrace predict`: asks the running service for predictions, of one row or of a file of rows."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from millrace.cli.failures import CommandError
from millrace.cli.output import note, print_json
from millrace.errors import MillraceError, StackError

if TYPE_CHECKING:
    import httpx

    from millrace.settings import Settings

BATCH_ROWS = 500
"""Rows of one request; the service takes 1,000 unless it is set otherwise."""
TOO_MANY, MOST_WAITS, LONGEST_WAIT = 429, 5, 60


class PredictionError(MillraceError):
    """The service refused the rows."""

    code = "prediction_refused"
    http_status = 422


def predict(
    name: Annotated[str, typer.Argument(help="The model's name, which is its pipeline's.")],
    row: Annotated[str | None, typer.Option("--json", help="One row as a JSON object, or '-' to read it.")] = None,
    file: Annotated[Path | None, typer.Option("--file", help="Rows: .csv, .json (array or lines) or .parquet.")] = None,
    version: Annotated[
        str | None,
        typer.Option("--version", help="A version's number or alias; default: as the traffic is shared out."),
    ] = None,
) -> None:
    """Predict with the model that the service serves; prints the service's answer as JSON."""
    from millrace.settings import get_settings

    if (row is None) == (file is None):
        raise CommandError("Say what to predict.", hint="Give either --json '{...}' or --file rows.csv.")
    settings = get_settings()
    path = f"/api/v1/models/{name}{f'/versions/{version}' if version is not None else ''}/predict"
    if row is not None:
        print_json(_ask(settings, path, _parsed(row)))
        return
    assert file is not None  # noqa: S101 - one of the two is given
    from millrace.cli.rows import read_rows

    print_json(_ask_in_batches(settings, path, read_rows(file)))


def _parsed(text: str) -> dict[str, Any]:
    """The row of `--json`. Raises CommandError."""
    if text == "-":
        text = typer.get_text_stream("stdin").read()
    try:
        row = json.loads(text)
    except ValueError as error:
        raise CommandError(f"--json is not JSON: {error}.", hint="""Write --json '{"column": 1.5}'.""") from error
    if not isinstance(row, dict):
        raise CommandError(
            f"--json holds a {type(row).__name__}, not one row.", hint="Several rows go into a file: --file rows.json."
        )
    return row


def _ask_in_batches(settings: Settings, path: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    answers = []
    for start in range(0, len(rows), BATCH_ROWS):
        answers.append(_ask(settings, f"{path}/batch", rows[start : start + BATCH_ROWS], first_row=start))
        if len(rows) > BATCH_ROWS:
            note(f"{min(start + BATCH_ROWS, len(rows)):,} of {len(rows):,} rows")
    versions = {answer.get("model_version") for answer in answers}
    if len(versions) > 1:
        found = ", ".join(sorted(map(str, versions)))
        note(f"warning: several model versions answered, {found}; --version asks one of them for all rows.")
    return {**answers[-1], "predictions": [value for answer in answers for value in answer["predictions"]]}


def _ask(settings: Settings, path: str, body: Any, first_row: int | None = None) -> dict[str, Any]:
    import httpx

    try:
        response = _post(settings.service + path, body)
    except httpx.HTTPError as error:
        raise StackError(
            f"The service does not answer at {settings.service} ({error}).", hint="Start it with 'millrace up'."
        ) from error
    answer = _document(response)
    if response.is_error or not answer.get("success", True):
        batch = f" (batch that begins with row {first_row + 1})" if first_row else ""
        raise PredictionError(f"{answer.get('error', f'The service answered {response.status_code}.')}{batch}")
    return answer


def _post(url: str, body: Any) -> httpx.Response:
    """The answer; when the service asks to wait because there were too many requests, it comes after that wait."""
    import httpx

    key = os.environ.get("MILLRACE_API_KEY")
    headers = {"X-API-Key": key} if key else {}
    for _ in range(MOST_WAITS):
        response = httpx.post(url, json=body, headers=headers, timeout=60)
        wait = response.headers.get("retry-after", "")
        if response.status_code != TOO_MANY or not wait.isdigit() or int(wait) > LONGEST_WAIT:
            break
        time.sleep(int(wait))
    return response


def _document(response: httpx.Response) -> dict[str, Any]:
    try:
        document = response.json()
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise StackError(
            f"{response.url} answered {response.status_code} with something that is not the service's JSON.",
            hint="Check SERVICE_URL: another program may listen there.",
        )
    return document
