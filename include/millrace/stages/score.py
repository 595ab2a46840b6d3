"""Scores a table with a registered version and delivers the answers: to the sinks of a spec, or wherever it is asked.

A sink shows a delivery whole or not at all, so a killed scoring leaves nothing half-done, and its retry replaces it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from millrace.errors import SpecError
from millrace.revealed import hidden_in
from millrace.sources.base import DataInterval, Delivery, Reading, Sink, Source
from millrace.sources.options import format_of
from millrace.sources.reading import read_source
from millrace.spec.score import OnBadRows
from millrace.stages.base import RunContext, run_stage
from millrace.stages.batch_scoring.model import ScoringModel, chosen_version, opened
from millrace.stages.batch_scoring.rejects import Rejects
from millrace.stages.batch_scoring.rows import CHUNK_ROWS, Scoring
from millrace.stages.etl.unlocked import unlocked
from millrace.strict import StrictModel

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Job:
    """What is scored, and where the answers go."""

    source: Source
    sinks: list[Sink]
    run_id: str
    interval: DataInterval | None = None
    on_bad_rows: OnBadRows = "fail"
    keep: list[str] | None = None
    probabilities: bool = False
    keep_rejects: Callable[[Path], str] | None = None
    """Takes the file of rejects and says where it is now; called only where there are any."""


class Scored(StrictModel):
    """What became of a scoring."""

    model: str
    model_version: str
    answered_by: str = Field(description="compiled or scikit-learn.")
    rows: int = Field(description="Rows with an answer.")
    rejected: int
    rejects: str | None = Field(default=None, description="Where the rejected rows are.")
    deliveries: list[dict[str, Any]]
    warnings: list[str] = Field(default_factory=list)
    seconds: float


def score(context: RunContext, version: str | None = None, on_bad_rows: OnBadRows | None = None) -> Scored:
    """The stage: what the spec's section `score` asks for. Raises SpecError where there is none."""
    return run_stage(context, "score", Scored, lambda: _score(context, version, on_bad_rows))


def _score(context: RunContext, version: str | None, on_bad_rows: OnBadRows | None) -> Scored:
    spec, asked = context.spec, context.spec.score
    if asked is None:
        raise SpecError(f"The pipeline '{spec.name}' has no section 'score'.", hint="Add one, with source and sinks.")
    model = opened(context.registry, chosen_version(context.registry, spec.name, version or asked.version))
    job = Job(
        source=unlocked(asked.source, context.credentials),
        sinks=[unlocked(sink, context.credentials) for sink in asked.sinks],
        run_id=context.run_id,
        interval=context.interval,
        on_bad_rows=on_bad_rows or asked.on_bad_rows,
        keep=asked.keep,
        probabilities=asked.probabilities,
        keep_rejects=lambda path: context.artifacts.put_folder(f"runs/{context.run_id}/rejects", path.parent),
    )
    scored = scored_job(model, job)
    for sentence in scored.warnings:
        context.warn(sentence)
    return scored


def scored_job(model: ScoringModel, job: Job) -> Scored:
    """Read, score, deliver. Raises DataError that names row and field, SourceError or SinkError."""
    started = time.perf_counter()
    texts = frozenset(field.name for field in model.signature.fields if field.type == "string")
    reading = Reading(interval=job.interval, chunk_rows=CHUNK_ROWS, text_columns=texts)
    with Rejects() as rejects:
        scoring = Scoring(model, rejects, job.on_bad_rows, job.keep, job.probabilities, _is_written(job.source))
        deliveries = _delivered(job, model, scoring.frames(read_source(job.source, reading)))
        where = job.keep_rejects(rejects.path) if rejects.rows and job.keep_rejects else None
        warned = [f"{rejects.rows:,} of {scoring.read:,} rows were set aside. {rejects.first}"] if rejects.rows else []
        return Scored(
            model=model.version.name,
            model_version=model.version.version,
            answered_by=model.answered_by,
            rows=scoring.scored,
            rejected=rejects.rows,
            rejects=where,
            deliveries=deliveries,
            warnings=[*reading.notes, *warned],
            seconds=time.perf_counter() - started,
        )


def _is_written(source: Source) -> bool:
    """Whether the source's format knows text only, so that a cell is what its field says."""
    named = str(getattr(source, "path", None) or getattr(source, "uri", None) or getattr(source, "url", None) or "")
    return (getattr(source, "format", None) or format_of(named)) in {"csv", "tsv"}


def _delivered(job: Job, model: ScoringModel, frames: Iterator[pd.DataFrame]) -> list[dict[str, Any]]:
    # Without an interval a run delivers once: its retry replaces what it delivered.
    delivery = Delivery(f"{model.version.name}/score", job.run_id, job.run_id, job.interval)
    if len(job.sinks) == 1:
        return [_to_sink(job.sinks[0], frames, delivery)]
    from millrace.sources.sinks.spooling import gathered

    with gathered(frames) as spool:
        return [_to_sink(sink, spool.frames(), delivery) for sink in job.sinks]


def _to_sink(sink: Sink, frames: Iterable[pd.DataFrame], delivery: Delivery) -> dict[str, Any]:
    done: dict[str, Any] = hidden_in({"type": sink.type, **sink.write(frames, delivery)})
    return done
