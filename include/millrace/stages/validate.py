"""Judges the extracted rows by the spec's expectations, and sets aside those that must not go on.

It answers for what a failure does to the run and for keeping the evidence; how an expectation is judged belongs to
`millrace.quality`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from millrace.errors import DataError, ValidationFailedError
from millrace.quality.drift import refuse_missing, schema_drift
from millrace.quality.outcome import Outcome, Table
from millrace.quality.quarantine import Quarantined
from millrace.quality.runner import chunk_rows_for, run_expectations
from millrace.stages.base import RunContext, cache_key, run_stage
from millrace.stages.etl.needed import needed_columns
from millrace.stages.outputs import Extracted, Validated
from millrace.stores.base import DatasetRef

if TYPE_CHECKING:
    import pandas as pd

SMALL_CELLS = 2_000_000
"""A table of at most so many values is held in memory while it is judged."""


def validate(context: RunContext, extracted: Extracted) -> Validated:
    """Run the expectations over the extracted dataset.

    Raises ValidationFailedError when one with `on_failure: fail` does not hold or too many rows are quarantined,
    DataError for an empty table or a lost column, ValidationToolError when the tool itself fails.
    """
    previous = (context.runs.previous_dataset(context.spec.name, context.run_id) or {}).get("columns")
    document = context.spec.as_document()
    inputs = {
        "pipeline": context.spec.name,
        "dataset": extracted.dataset.version,
        "previous_columns": previous,
        **{part: document[part] for part in ("expectations", "quarantine", "transform", "features", "target", "split")},
    }
    return run_stage(
        context,
        "validate",
        Validated,
        lambda: _validate(context, extracted.dataset, previous or extracted.dataset.columns),
        key=cache_key("validate", inputs),
        still_there=lambda output: _artifacts_exist(context, output),
    )


def _artifacts_exist(context: RunContext, output: Validated) -> bool:
    datasets = [output.dataset, *([output.quarantine] if output.quarantine else [])]
    return all(context.artifacts.has_dataset(dataset.uri) for dataset in datasets) and (
        output.report_uri is None or context.artifacts.exists(output.report_uri)
    )


def _validate(context: RunContext, dataset: DatasetRef, previous: dict[str, str]) -> Validated:
    if dataset.rows == 0:
        raise DataError("The extracted table has no rows.", hint="Check the source and the data interval.")
    drift = schema_drift(previous, dataset.columns, needed_columns(context.spec))
    for sentence in drift.warnings:
        context.warn(sentence)
    refuse_missing(drift, dataset.columns)
    table = _table(context, dataset)
    outcomes = run_expectations(context.spec.expectations, table)
    report_uri = _keep_report(context, outcomes)
    quarantined = Quarantined(outcomes)
    _keep_record(context, dataset, outcomes, len(quarantined), report_uri)
    _refuse_failures(outcomes, report_uri)
    _refuse_too_many(context, outcomes, len(quarantined), dataset.rows)
    for outcome in outcomes:
        if not outcome.result.success:
            aside = "Quarantined - " if outcome.result.on_failure == "quarantine" else ""
            context.warn(f"{aside}{outcome.result.message}")
    accepted, aside_ref = _split(context, dataset, table, quarantined)
    return Validated(
        dataset=accepted,
        quarantined=len(quarantined),
        quarantine=aside_ref,
        passed=sum(outcome.result.success for outcome in outcomes),
        failed=_failures(outcomes),
        report_uri=report_uri,
    )


def _table(context: RunContext, dataset: DatasetRef) -> Table:
    """The dataset for several passes: a small one is read once, a large one in each pass."""
    opened = context.artifacts.open_dataset(dataset.uri)
    if dataset.rows * len(dataset.columns) > SMALL_CELLS:
        return Table(dataset.rows, dataset.columns, opened.frames)
    frame = opened.frame()

    def frames(rows: int, columns: list[str] | None = None) -> Iterator[pd.DataFrame]:
        chosen = frame if columns is None else frame[columns]
        for start in range(0, len(chosen), rows):
            yield chosen.iloc[start : start + rows].reset_index(drop=True)

    return Table(dataset.rows, dataset.columns, frames)


def _failures(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    return [outcome.result.model_dump(mode="json") for outcome in outcomes if not outcome.result.success]


def _keep_report(context: RunContext, outcomes: Sequence[Outcome]) -> str | None:
    if not outcomes:
        return None
    from millrace.quality.docs import render_docs

    key = f"validations/{context.spec.name}/{context.run_id}/index.html"
    try:
        page = render_docs(context.spec.name, context.run_id, outcomes)
    except Exception as error:  # the page is for people; the verdict stands without it
        context.warn(f"The Data Docs of this validation could not be rendered: {type(error).__name__}: {error}.")
        return None
    return context.artifacts.put_bytes(key, page, "text/html; charset=utf-8")


def _keep_record(
    context: RunContext, dataset: DatasetRef, outcomes: Sequence[Outcome], quarantined: int, report_uri: str | None
) -> None:
    context.runs.record_validation(
        {
            "run_id": context.run_id,
            "pipeline": context.spec.name,
            "dataset_version": dataset.version,
            "success": not any(_stops(outcome) for outcome in outcomes),
            "rows": dataset.rows,
            "quarantined": quarantined,
            "results": [outcome.result.model_dump(mode="json") for outcome in outcomes],
            "report_uri": report_uri,
        }
    )


def _stops(outcome: Outcome) -> bool:
    """Whether the outcome stops the run; a failure that cannot be laid on any row cannot be quarantined either."""
    result = outcome.result
    if result.success or result.on_failure == "warn":
        return False
    return result.on_failure == "fail" or not len(outcome.positions)


def _refuse_failures(outcomes: Sequence[Outcome], report_uri: str | None) -> None:
    stopping = [outcome.result.message.rstrip(".") for outcome in outcomes if _stops(outcome)]
    if stopping:
        count = "1 expectation does" if len(stopping) == 1 else f"{len(stopping)} expectations do"
        raise ValidationFailedError(
            f"{count} not hold: {'; '.join(stopping)}.",
            hint="Mend the data, or relax the rule or its on_failure (fail, warn, quarantine) in the spec.",
            details=_details(outcomes, report_uri),
        )


def _details(outcomes: Sequence[Outcome], report_uri: str | None) -> dict[str, Any]:
    passed = sum(outcome.result.success for outcome in outcomes)
    return {"passed": passed, "failed": _failures(outcomes), "report_uri": report_uri}


def _refuse_too_many(context: RunContext, outcomes: Sequence[Outcome], quarantined: int, rows: int) -> None:
    allowed = context.spec.quarantine.max_share
    if quarantined <= allowed * rows and quarantined < rows:
        return
    rules = [o.result.message.rstrip(".") for o in outcomes if not o.result.success and len(o.positions)]
    raise ValidationFailedError(
        f"{quarantined:,} of {rows:,} rows ({quarantined / rows:.1%}) would be quarantined, "
        f"more than the {allowed:.1%} of quarantine.max_share: {'; '.join(rules)}.",
        hint="Mend the data, relax these rules, or raise quarantine.max_share.",
        details=_details(outcomes, None),
    )


def _split(
    context: RunContext, dataset: DatasetRef, table: Table, quarantined: Quarantined
) -> tuple[DatasetRef, DatasetRef | None]:
    """The dataset of the accepted rows, the same one when all were accepted, and that of the rows set aside."""
    if not len(quarantined):
        return dataset, None
    rows = chunk_rows_for(table)
    name = context.spec.name
    aside = context.artifacts.write_dataset(f"{name}/quarantine", quarantined.set_aside(table, rows))
    return context.artifacts.write_dataset(name, quarantined.accepted(table, rows)), aside
