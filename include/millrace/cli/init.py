"""`millrace init`: looks at a table and writes the spec that fits it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from millrace.cli.failures import CommandError
from millrace.cli.output import note, print_text


def init(
    table: Annotated[Path, typer.Argument(help="A .csv, .tsv, .xlsx, .parquet or .json file.")],
    target: Annotated[list[str] | None, typer.Option(help="Column to predict; several for a regression.")] = None,
    task: Annotated[
        str | None, typer.Option(help="regression, classification, clustering or forecast; else found.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="The pipeline's name; else the name of --output, or made from the table's.")
    ] = None,
    sheet: Annotated[str | None, typer.Option(help="Sheet of a workbook that has several.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File to write, '-' to print it.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over an existing file.")] = False,
) -> None:
    """Write a spec for a table, or for the series that it holds, with reasons as comments; it runs as it is."""
    from millrace.profiling.draft import draft_spec, pipeline_name
    from millrace.spec.document import parse_document

    _check_task(task)
    printed = str(output) == "-"
    # A spec goes by its file's name: 'prices.yaml' is run, served and asked as 'prices'.
    name = name or pipeline_name(table if output is None or printed else output)
    path = output or Path(f"{name}.yaml")
    if path.exists() and not printed and not force:
        raise CommandError(f"{path} exists already.", hint="Give --force to write over it, or another --output.")
    draft = draft_spec(table, target or [], task, name, sheet)
    parse_document(draft.text, str(path))
    for sentence in draft.notes:
        note(sentence)
    if printed:
        print_text(draft.text.rstrip("\n"))
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(draft.text, encoding="utf-8")
    print_text(str(path))
    note(f"Next: millrace run {path} --local")


def _check_task(task: str | None) -> None:
    from millrace.errors import did_you_mean

    allowed = ("regression", "classification", "clustering", "forecast")
    if task is not None and task not in allowed:
        raise CommandError(f"--task {task} is not known.", hint=did_you_mean(task, allowed))
