"""Applies the spec's table-wise steps to the accepted rows, and warns when the target is given away.

The table comes in parts, and is held as a whole only for a step that needs all of it, as far as the spec and the memory
allow. What a step does, and how it gets its parts, belongs to `millrace.transforms`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from millrace.errors import DataError
from millrace.stages.base import RunContext, cache_key, run_stage
from millrace.stages.etl.other_tables import load_features, load_table
from millrace.stages.etl.table_profile import evenly_spaced, table_profile
from millrace.stages.etl.table_room import room_for
from millrace.stages.material.row_limit import limited_frame
from millrace.stages.outputs import Transformed, Validated
from millrace.stores.base import DatasetRef
from millrace.transforms.base import TransformContext
from millrace.transforms.flow import Flow

if TYPE_CHECKING:
    import pandas as pd

CHUNK_ROWS = 65_536
"""Rows of one part: what a table has at most that passes in one piece."""


def transform(context: RunContext, validated: Validated) -> Transformed:
    """Apply the steps in order and store the table. Raises TransformError, DataError for a table without rows."""
    return run_stage(
        context,
        "transform",
        Transformed,
        lambda: _transform(context, validated),
        key=_key(context, validated),
        still_there=lambda output: context.artifacts.has_dataset(output.dataset.uri),
    )


def _key(context: RunContext, validated: Validated) -> str | None:
    """None when a step depends on more than the dataset: another source, or somebody's code."""
    if not all(step.repeatable for step in context.spec.transform):
        return None
    document = context.spec.as_document()
    parts = {part: document[part] for part in ("name", "transform", "memory", "task", "target", "training")}
    return cache_key("transform", {"dataset": validated.dataset.version, **parts})


def _transform(context: RunContext, validated: Validated) -> Transformed:
    if not context.spec.transform and context.spec.task is None:
        return Transformed(dataset=validated.dataset)
    dataset, only = validated.dataset, None
    steps: list[dict[str, Any]] = []
    if context.spec.transform:
        dataset, only, steps = _stepped(context, validated)
    table = _looked_at(context, dataset, only)
    if context.spec.task is not None:
        _warn_of_leaks(context, table)
        _warn_of_repeats(context, table)
    return Transformed(dataset=dataset, steps=steps, profile=table_profile(table))


def _stepped(context: RunContext, validated: Validated) -> tuple[DatasetRef, pd.DataFrame | None, list[dict[str, Any]]]:
    """The stored table, the frame of it where it came in one part, and what each step left."""
    working = TransformContext(
        load_table=lambda source: load_table(context, source), load_features=lambda name: load_features(context, name)
    )
    flow = Flow(context.spec.transform, working, room_for(context.spec.memory, context.warn))
    source = context.artifacts.open_dataset(validated.dataset.uri)
    passed = _Passed()
    frames = passed.through(flow.frames(source.frames(CHUNK_ROWS)))
    stored = context.artifacts.write_dataset(context.spec.name, _not_empty(frames, flow, validated.dataset.rows))
    for note in working.notes:
        context.warn(note)
    return stored, passed.only, [asdict(done) for done in flow.done]


class _Passed:
    """Lets parts pass and keeps the first of them as long as it is the only one."""

    def __init__(self) -> None:
        self.only: pd.DataFrame | None = None

    def through(self, frames: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        for place, frame in enumerate(frames):
            self.only = None if place else frame
            yield frame


def _not_empty(frames: Iterator[pd.DataFrame], flow: Flow, before: int) -> Iterator[pd.DataFrame]:
    rows = 0
    for frame in frames:
        rows += len(frame)
        yield frame
    if rows == 0:
        left = ", ".join(f"{done.step} {done.rows:,}" for done in flow.done)
        raise DataError(f"The transform steps left no row of {before:,}.", hint=f"Rows after each step: {left}.")


def _looked_at(context: RunContext, dataset: DatasetRef, only: pd.DataFrame | None) -> pd.DataFrame:
    """The rows that are described and looked at for leaks: those that models learn from, or evenly spaced ones."""
    spec = context.spec
    if only is not None and (spec.task is None or len(only) <= spec.training.max_rows):
        return only
    opened = context.artifacts.open_dataset(dataset.uri)
    return evenly_spaced(opened) if spec.task is None else limited_frame(opened, spec, context.warn)


def _warn_of_leaks(context: RunContext, table: pd.DataFrame) -> None:
    from millrace.quality.leakage import find_leaks

    spec = context.spec
    targets = [target for target in spec.targets if target in table.columns]
    for target in targets:
        others = tuple(name for name in targets if name != target)
        for sentence in find_leaks(table, target, str(spec.task), ignore=others):
            context.warn(sentence)


def _warn_of_repeats(context: RunContext, table: pd.DataFrame) -> None:
    """Repeated rows never stand on both sides of a split, but each repetition weighs once more."""
    if repeated := int(table.duplicated().sum()):
        has_step = any(step.step == "drop_duplicates" for step in context.spec.transform)
        mend = "Move {step: drop_duplicates} behind the other" if has_step else "Add {step: drop_duplicates} to the"
        context.warn(
            f"{repeated:,} of {len(table):,} rows repeat another row and weigh once more each. "
            f"{mend} transform steps, unless they are observations of their own."
        )
