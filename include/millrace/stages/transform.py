"""Applies the spec's table-wise steps to the accepted rows, and warns when the target is given away.

The table is held in memory here: a step may need all of it. What a step does belongs to `millrace.transforms`.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from millrace.errors import DataError, MillraceError, TransformError
from millrace.stages.base import RunContext, cache_key, run_stage
from millrace.stages.other_tables import load_features, load_table
from millrace.stages.outputs import Transformed, Validated
from millrace.stages.row_limit import limited_frame
from millrace.stages.table_profile import table_profile
from millrace.transforms.base import TransformContext, TransformStep

if TYPE_CHECKING:
    import pandas as pd


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
    parts = {part: document[part] for part in ("name", "transform", "task", "target", "training")}
    return cache_key("transform", {"dataset": validated.dataset.version, **parts})


def _transform(context: RunContext, validated: Validated) -> Transformed:
    if not context.spec.transform and context.spec.task is None:
        return Transformed(dataset=validated.dataset)
    dataset = context.artifacts.open_dataset(validated.dataset.uri)
    if not context.spec.transform:
        table = limited_frame(dataset, context.spec, context.warn)
        _warn_of_contents(context, table)
        return Transformed(dataset=validated.dataset, profile=table_profile(table))
    table, steps = _apply(context, dataset.frame())
    if not len(table):
        left = ", ".join(f"{step['step']} {step['rows']:,}" for step in steps)
        raise DataError(
            f"The transform steps left no row of {validated.dataset.rows:,}.", hint=f"Rows after each step: {left}."
        )
    _warn_of_contents(context, table)
    written = context.artifacts.write_dataset(context.spec.name, [table])
    return Transformed(dataset=written, steps=steps, profile=table_profile(table))


def _apply(context: RunContext, table: pd.DataFrame) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
    """The transformed table, and what each step left: `{step, rows, columns, seconds}`."""
    working = TransformContext(
        load_table=lambda source: load_table(context, source), load_features=lambda name: load_features(context, name)
    )
    steps = []
    for step in context.spec.transform:
        started = time.perf_counter()
        table = _applied(step, table, working)
        seconds = time.perf_counter() - started
        steps.append({"step": step.step, "rows": len(table), "columns": table.shape[1], "seconds": seconds})
    for note in working.notes:
        context.warn(note)
    return table, steps


def _applied(step: TransformStep, table: pd.DataFrame, working: TransformContext) -> pd.DataFrame:
    """The table after one step. What pandas raises becomes a sentence that names the step."""
    try:
        return step.apply(table, working).reset_index(drop=True)
    except (MillraceError, OSError, MemoryError):
        raise
    except Exception as error:
        lines = str(error).strip().splitlines()
        raise TransformError(
            f"Transform step '{step.step}' failed: {type(error).__name__}: {lines[0] if lines else 'no message'}.",
            hint="Check that its options suit the types of its columns.",
        ) from error


def _warn_of_contents(context: RunContext, table: pd.DataFrame) -> None:
    _warn_of_leaks(context, table)
    _warn_of_repeats(context, table)


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
    if context.spec.task is None:
        return
    if repeated := int(table.duplicated().sum()):
        context.warn(
            f"{repeated:,} of {len(table):,} rows repeat another row and weigh once more each. "
            "Add {step: drop_duplicates} to transform, unless they are observations of their own."
        )
