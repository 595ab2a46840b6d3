"""Compares what the champion is asked, what it answers, and what the source gives now with what it learnt from."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from millrace.drift.base import DriftLimits
from millrace.drift.compare import compare
from millrace.drift.report import drift_page
from millrace.quality.drift import schema_drift
from millrace.spec.models import PipelineSpec
from millrace.stages.etl.needed import needed_columns
from millrace.stages.monitoring.context import MonitorContext, Part
from millrace.stages.monitoring.findings import FEATURES, SOURCE, of_answers, of_schema, of_table
from millrace.stages.monitoring.live import Live, live_table, span_of
from millrace.stages.monitoring.reference import ROWS, SEED, Reference, reference_of
from millrace.stores.base import DatasetRef
from millrace.stores.champions import before
from millrace.transforms.columns import KeepColumns

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)
COLUMN_KINDS = ["data_drift", "missing_values", "new_categories", "out_of_range"]
_ANSWERS = "answers"


def live_drift(context: MonitorContext) -> Part:
    """The champion's predictions of the window against its reference."""
    version = context.champion
    rows = context.predictions.rows(version.name, since=context.since, until=context.now, version=version.version)
    reference = reference_of(version, context.runs, context.artifacts, context.registry)
    live = live_table(rows, reference)
    figures = {"predictions": live.count}
    if live.count < context.rules.min_samples:
        note = f"{live.count:,} predictions of version {version.version} in the window; fewer than min_samples."
        return Part(notes=[note], figures=figures)
    return _judged(context, reference, live, figures)


def _judged(context: MonitorContext, reference: Reference, live: Live, figures: dict[str, Any]) -> Part:
    limits, span = _limits(context), span_of(live, reference)
    features = compare(reference.inputs, live.inputs, limits, reference.times, span)
    answers = compare(reference.answers, live.answers, limits, reference.answer_times, span)
    return Part(
        judged=[*(f"{kind}:{FEATURES}" for kind in COLUMN_KINDS), "prediction_drift"],
        findings=[*of_table(features, FEATURES), *of_answers(answers)],
        comparisons={FEATURES: features, _ANSWERS: answers},
        figures=figures,
        notes=[f"'{name}' is masked in the prediction log and not compared." for name in live.masked],
        pages=_pages(context, FEATURES, reference.inputs, live.inputs, features),
    )


def source_drift(context: MonitorContext) -> Part:
    """The newest extracted table, also one that was then refused, against the one that a champion learnt from.

    Where the champion comes from the newest run itself, that is the champion before it.
    """
    run = next((run for run in context.runs.find_runs(context.spec.name, limit=50) if _extracted(run)), {})
    newest, learnt = _extracted(run), _learnt(context, run.get("_id"))
    if newest is None or learnt is None or not context.artifacts.has_dataset(learnt.uri):
        return Part(notes=["There is no source table of an earlier champion to compare the newest one with."])
    drift = schema_drift(learnt.columns, newest.columns, _needed(context.spec))
    part = Part(judged=["schema_drift"], findings=of_schema(drift.warnings, drift.missing))
    if newest.version != learnt.version and newest.rows < context.rules.min_samples:
        return part.model_copy(update={"notes": [f"{newest.rows:,} rows in the newest source table; too few."]})
    return _with_table(context, part, learnt, newest)


def _with_table(context: MonitorContext, part: Part, learnt: DatasetRef, newest: DatasetRef) -> Part:
    reference, times = _ordered(context, _sampled(context, learnt))
    current, current_times = _ordered(context, _sampled(context, newest))
    timed = times is not None and current_times is not None
    span = current_times.max() - current_times.min() if timed and current_times is not None else None
    found = compare(reference, current, _limits(context), times if timed else None, span)
    return Part(
        judged=[*part.judged, *(f"{kind}:{SOURCE}" for kind in COLUMN_KINDS)],
        findings=[*part.findings, *of_table(found, SOURCE)],
        comparisons={SOURCE: found},
        figures={"rows": newest.rows, "dataset_version": newest.version},
        pages=_pages(context, SOURCE, reference, current, found) if found.drifted else {},
    )


def _limits(context: MonitorContext) -> DriftLimits:
    return context.rules.drift or DriftLimits()


def _learnt(context: MonitorContext, newest_run: str | None) -> DatasetRef | None:
    """The source table of the champion's run, or of the champion before it where that run is the newest."""
    champion = context.champion
    if champion.run_id != newest_run:
        return _extracted(context.runs.get_run(champion.run_id))
    earlier = before(context.registry.champions(champion.name), champion.version)
    made_by = {version.version: version.run_id for version in context.registry.versions(champion.name)}
    return _extracted(context.runs.get_run(made_by[earlier])) if earlier in made_by else None


def _needed(spec: PipelineSpec) -> set[str]:
    """The columns without which a run fails."""
    kept = [name for step in spec.transform if isinstance(step, KeepColumns) for name in step.columns]
    return needed_columns(spec) | set(kept)


def _extracted(run: dict[str, Any]) -> DatasetRef | None:
    output = (run.get("stages", {}).get("extract") or {}).get("output")
    return DatasetRef.model_validate(output["dataset"]) if output else None


def _sampled(context: MonitorContext, dataset: DatasetRef) -> pd.DataFrame:
    """The table, or evenly chosen rows of a large one, read part by part."""
    import pandas as pd

    opened = context.artifacts.open_dataset(dataset.uri)
    if dataset.rows <= ROWS:
        return opened.frame()
    share = ROWS / dataset.rows
    parts = [part.sample(frac=share, random_state=SEED).sort_index() for part in opened.frames(ROWS)]
    return pd.concat(parts, ignore_index=True)


def _ordered(context: MonitorContext, table: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series | None]:
    """The rows in the order of time, and their times; None where rows have none."""
    name = context.spec.time_column
    if name is None or name not in table.columns or table[name].dtype.kind != "M":
        return table, None
    kept = table.dropna(subset=[name]).sort_values(name, kind="stable", ignore_index=True)
    return kept, kept[name]


def pages_of(pipeline: str) -> str:
    """Where the pages of a pipeline's checks lie, in a folder for each check."""
    return f"monitoring/{pipeline}/"


def _pages(
    context: MonitorContext, name: str, reference: pd.DataFrame, current: pd.DataFrame, found: Any
) -> dict[str, str]:
    """The pages for people; a page that cannot be drawn is missing, and the verdict stands."""
    if not found.columns or not context.act:
        return {}
    prefix = f"{pages_of(context.spec.name)}{context.run_id}/{name}"
    try:
        page, document = drift_page(reference, current, found)
    except Exception as error:
        log.warning("the drift page could not be drawn: %s: %s", type(error).__name__, error)
        return {}
    return {
        f"{name}_html": context.artifacts.put_bytes(f"{prefix}.html", page, "text/html; charset=utf-8"),
        f"{name}_json": context.artifacts.put_bytes(f"{prefix}.json", document, "application/json"),
    }
