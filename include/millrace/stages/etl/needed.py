"""Which columns a pipeline names outside its expectations: those that it cannot do without."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from millrace.spec.models import PipelineSpec

_NAMING = {"column", "columns", "by", "on", "order_by", "time", "day", "weekday"}


def needed_columns(spec: PipelineSpec) -> set[str]:
    """The targets, the columns of split, transform and feature steps. Names that steps make themselves do no harm."""
    document = spec.as_document()
    named = {name for part in ("transform", "features") for step in document[part] for name in _named(step)}
    split = spec.split.column if spec.split else None
    return named | set(spec.targets) | ({split} if split else set())


def _named(step: dict[str, Any]) -> Iterator[str]:
    if step.get("step") in {"derive", "keep_columns"}:  # the one names new columns, the other says so itself
        return
    for key, value in step.items():
        if key in _NAMING:
            yield from [value] if isinstance(value, str) else [name for name in value or [] if isinstance(name, str)]
