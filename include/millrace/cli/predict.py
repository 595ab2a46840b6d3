"""`millrace predict`: asks the running service for predictions, of one row or of a file of rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from millrace.cli.failures import CommandError
from millrace.cli.output import note, print_json
from millrace.cli.service_api import PredictionError, ask

if TYPE_CHECKING:
    from millrace.settings import Settings

BATCH_ROWS = 500
"""Rows of one request; the service takes 1,000 unless it is set otherwise."""


def predict(
    name: Annotated[str, typer.Argument(help="The model's name, which is its pipeline's.")],
    row: Annotated[str | None, typer.Option("--json", help="One row as a JSON object, or '-' to read it.")] = None,
    file: Annotated[Path | None, typer.Option("--file", help="Rows: .csv, .json (array or lines) or .parquet.")] = None,
    example: Annotated[
        bool, typer.Option("--example", help="Print a row that the model takes, to start from.")
    ] = False,
    version: Annotated[
        str | None,
        typer.Option("--version", help="A version's number or alias; default: as the traffic is shared out."),
    ] = None,
) -> None:
    """Predict with the model that the service serves; prints the service's answer as JSON."""
    from millrace.settings import get_settings

    if (row is not None) + (file is not None) + example != 1:
        raise CommandError(
            "Say what to predict.", hint="Give --json '{...}' or --file rows.csv; --example prints a row to start from."
        )
    settings = get_settings()
    model = f"/api/v1/models/{name}{f'/versions/{version}' if version is not None else ''}"
    path = f"{model}/predict"
    if example:
        print_json(ask(settings, "GET", f"{model}/schema")["example"])
        return
    if row is not None:
        print_json(ask(settings, "POST", path, _parsed(row)))
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
        answers.append(_batch(settings, path, rows[start : start + BATCH_ROWS], start))
        if len(rows) > BATCH_ROWS:
            note(f"{min(start + BATCH_ROWS, len(rows)):,} of {len(rows):,} rows")
    versions = {answer.get("model_version") for answer in answers}
    if len(versions) > 1:
        found = ", ".join(sorted(map(str, versions)))
        note(f"warning: several model versions answered, {found}; --version asks one of them for all rows.")
    return {**answers[-1], "predictions": [value for answer in answers for value in answer["predictions"]]}


def _batch(settings: Settings, path: str, rows: list[dict[str, Any]], start: int) -> dict[str, Any]:
    try:
        return ask(settings, "POST", f"{path}/batch", rows, first_row=start)
    except PredictionError as error:
        if "is no input of this model" not in error.message:
            raise
        raise PredictionError(
            error.message, hint="'millrace score' carries columns that are no inputs along."
        ) from error
