"""Writes the transformed table to the declared sinks, exactly once for a data interval."""

from __future__ import annotations

from typing import Any

from millrace.revealed import hidden_in
from millrace.sources.base import Delivery, Sink
from millrace.stages.base import RunContext, run_stage
from millrace.stages.etl.unlocked import unlocked
from millrace.stages.outputs import Loaded, Transformed

WRITE_ROWS = 50_000
"""Rows handed to a sink at a time."""


def load(context: RunContext, transformed: Transformed) -> Loaded:
    """Write the table to each sink of the spec, in order; a repeated load leaves the same state. Raises SinkError."""
    return run_stage(context, "load", Loaded, lambda: _load(context, transformed))


def _load(context: RunContext, transformed: Transformed) -> Loaded:
    return Loaded(deliveries=[_deliver(context, transformed, sink) for sink in context.spec.load])


def _deliver(context: RunContext, transformed: Transformed, sink: Sink) -> dict[str, Any]:
    dataset = context.artifacts.open_dataset(transformed.dataset.uri)
    delivery = Delivery(context.spec.name, context.run_id, transformed.dataset.version, context.interval)
    opened = unlocked(sink, context.credentials)
    return {"type": sink.type, **hidden_in(opened.write(dataset.frames(WRITE_ROWS), delivery))}
