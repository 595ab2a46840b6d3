"""Reads the source for the run's data interval and keeps it as a dataset version."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from millrace.errors import DataError
from millrace.revealed import hidden_in
from millrace.sources.base import Reading
from millrace.sources.reading import read_source
from millrace.stages.base import RunContext, run_stage
from millrace.stages.etl.unlocked import unlocked
from millrace.stages.outputs import Extracted

if TYPE_CHECKING:
    import pandas as pd


def extract(context: RunContext) -> Extracted:
    """Read the source, type its columns, store it under the hash of its content.

    Raises SourceError when it cannot be read, DataError when it holds no row. It is never reused from an earlier run:
    only reading tells whether the source has changed.
    """
    return run_stage(context, "extract", Extracted, lambda: _extract(context))


def _extract(context: RunContext) -> Extracted:
    spec = context.spec
    reading = Reading(interval=context.interval)
    source = unlocked(spec.source, context.credentials)
    dataset = context.artifacts.write_dataset(spec.name, _not_empty(read_source(source, reading), context))
    for note in reading.notes:
        context.warn(note)
    context.runs.record_dataset(
        {
            "pipeline": spec.name,
            "version": dataset.version,
            "uri": dataset.uri,
            "rows": dataset.rows,
            "columns": dataset.columns,
            "origin": hidden_in(reading.origin),
            "last_run_id": context.run_id,
        }
    )
    return Extracted(dataset=dataset, origin=hidden_in(reading.origin))


def _not_empty(frames: Iterator[pd.DataFrame], context: RunContext) -> Iterator[pd.DataFrame]:
    rows = 0
    for frame in frames:
        rows += len(frame)
        yield frame
    if rows == 0:
        span = f" for the interval {context.interval}" if context.interval else ""
        raise DataError(
            f"The source of '{context.spec.name}' ({context.spec.source.type}) has no rows{span}.",
            hint="Check the source, its filter and the data interval.",
        )
