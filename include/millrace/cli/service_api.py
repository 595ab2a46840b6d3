"""Asks the running service for the commands: with the caller's key, with patience, and in its words about errors."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from millrace.errors import MillraceError, StackError

if TYPE_CHECKING:
    import httpx

    from millrace.settings import Settings

TOO_MANY, MOST_WAITS, LONGEST_WAIT = 429, 5, 60
MOST_PROBLEMS = 10
"""Kinds of problems with rows that are told one by one."""


class PredictionError(MillraceError):
    """The service refused the rows."""

    code = "prediction_refused"
    http_status = 422


def ask(settings: Settings, method: str, path: str, body: Any = None, first_row: int | None = None) -> dict[str, Any]:
    """The service's answer; `first_row` is the place of a batch in its file. Raises StackError or PredictionError."""
    import httpx

    try:
        response = _sent(method, settings.service + path, body)
    except httpx.HTTPError as error:
        raise StackError(
            f"The service does not answer at {settings.service} ({error}).", hint="Start it with 'millrace up'."
        ) from error
    answer = _document(response)
    if response.is_error or not answer.get("success", True):
        raise PredictionError(_said(answer, first_row) or f"The service answered {response.status_code}.")
    return answer


def _said(answer: dict[str, Any], first_row: int | None) -> str:
    """The service's sentence, or one for each kind of problem with the rows, at the first row that has it."""
    problems = (answer.get("details") or {}).get("errors") or []
    if not problems:
        return str(answer.get("error", ""))
    kinds: dict[tuple[Any, str], dict[str, Any]] = {}
    for problem in problems:
        kinds.setdefault((problem.get("field"), problem["problem"]), problem)
    lines = [_problem(problem, first_row) for problem in list(kinds.values())[:MOST_PROBLEMS]]
    more = len(problems) - len(lines)
    return "\n       ".join([*lines, *([f"and {more} more."] if more else [])])


def _problem(problem: dict[str, Any], first_row: int | None) -> str:
    field = f"field '{problem['field']}' " if problem.get("field") else ""
    where = "" if first_row is None else f"Row {first_row + problem.get('row', 0) + 1}: "
    return f"{where}{field}{problem['problem']}".rstrip(".") + "."


def _sent(method: str, url: str, body: Any) -> httpx.Response:
    """The answer; when the service asks to wait because there were too many requests, it comes after that wait."""
    import httpx

    key = os.environ.get("MILLRACE_API_KEY")
    headers = {"X-API-Key": key} if key else {}
    for _ in range(MOST_WAITS):
        response = httpx.request(method, url, json=body, headers=headers, timeout=60)
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
