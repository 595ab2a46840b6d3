"""`millrace score`: the answers of a model to a whole table, from and to files, S3 or a database."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from millrace.cli.failures import CommandError
from millrace.cli.output import note, print_json, print_text, results_only_on_stdout

if TYPE_CHECKING:
    from millrace.settings import Settings
    from millrace.stages.score import Job, Scored


def score(  # noqa: PLR0913, PLR0917 - one parameter an option
    name: Annotated[str, typer.Argument(help="The model's name, which is its pipeline's.")],
    input_: Annotated[str, typer.Option("--input", help="File or pattern, s3://..., or a database's address.")],
    output: Annotated[
        str, typer.Option("--output", help="File (.csv .parquet .jsonl), s3://prefix, or a database's address.")
    ],
    version: Annotated[
        str, typer.Option("--version", help="Alias or number of the version that answers.")
    ] = "champion",
    query: Annotated[str | None, typer.Option(help="Database input: a SELECT.")] = None,
    table: Annotated[str | None, typer.Option(help="Database input: a whole table.")] = None,
    read: Annotated[
        str | None, typer.Option(help="How a file is written, as under `read` of a source: '{sep: \";\"}'.")
    ] = None,
    output_table: Annotated[str | None, typer.Option(help="Database output: the table.")] = None,
    mode: Annotated[str, typer.Option(help="Database output: append or replace.")] = "append",
    keep: Annotated[
        str | None, typer.Option(help="Columns to carry along, by commas; default: all but inputs.")
    ] = None,
    probabilities: Annotated[bool, typer.Option("--probabilities", help="Also that of each class.")] = False,
    skip_bad_rows: Annotated[
        bool, typer.Option("--skip-bad-rows", help="Set rows that do not fit aside, instead of ending.")
    ] = False,
    rejects: Annotated[Path | None, typer.Option(help="File for them; default: OUTPUT.rejects.jsonl.")] = None,
    rows_per_file: Annotated[
        int | None, typer.Option(min=1_000, help="Write OUTPUT as a folder of parts of so many rows.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Score a table as the service would, chunk by chunk; the output appears when it is complete."""
    from millrace.cli.addresses import rejects_beside, sink_of, source_of
    from millrace.pipeline import new_scoring_id
    from millrace.settings import get_settings
    from millrace.stages.score import Job

    aside = rejects or rejects_beside(output)
    if skip_bad_rows and aside is None:
        raise CommandError("Say where rows that do not fit go.", hint="Give --rejects FILE.")
    job = Job(
        source=source_of(input_, query=query, table=table, read=read),
        sinks=[sink_of(output, table=output_table, mode=mode, rows_per_file=rows_per_file)],
        run_id=new_scoring_id(name),
        on_bad_rows="skip" if skip_bad_rows else "fail",
        keep=None if keep is None else [column.strip() for column in keep.split(",") if column.strip()],
        probabilities=probabilities,
        keep_rejects=_moved_to(aside) if aside is not None else None,
    )
    with results_only_on_stdout() as out:
        scored = _scored(get_settings(), name, version, job)
        if as_json:
            print_json(scored.model_dump(mode="json"), out)
        else:
            print_text(_told(scored), out)


def _scored(settings: Settings, name: str, version: str, job: Job) -> Scored:
    from millrace.local.stores import stores_running
    from millrace.stages.batch_scoring.model import chosen_version, opened
    from millrace.stages.score import scored_job
    from millrace.stores.model_registry import MlflowRegistry

    with stores_running(settings, lambda *_: None) as running:
        registry = MlflowRegistry(running)
        model = opened(registry, chosen_version(registry, name, version))
        note(f"{model.version.name} version {model.version.version} ({model.answered_by})")
        return scored_job(model, job)


def _moved_to(target: Path) -> Callable[[Path], str]:
    def move(path: Path) -> str:
        target.parent.mkdir(parents=True, exist_ok=True)
        waiting = target.with_name(f".{target.name}.partial")
        shutil.copyfile(path, waiting)
        waiting.replace(target)
        return str(target)

    return move


def _told(scored: Scored) -> str:
    rate = scored.rows / scored.seconds if scored.seconds else 0
    where = ", ".join(str(delivery["target"]) for delivery in scored.deliveries)
    lines = [f"{scored.rows:,} rows scored to {where} in {scored.seconds:.1f} s ({rate:,.0f} rows/s)"]
    if scored.rejected:
        lines.append(f"{scored.rejected:,} rows did not fit: {scored.rejects}")
    return "\n".join([*lines, *[f"warning: {sentence}" for sentence in scored.warnings]])
