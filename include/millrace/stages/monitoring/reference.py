"""What a version of a model learnt from, kept for later comparison: its inputs, and its answers on the held-out rows.

The answers are those on rows that the model had not seen, since live rows are such rows too. Where rows have a time,
the newest are kept in their order, so that a later comparison knows what time alone does; else a sample.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from millrace.drift.columns import texts
from millrace.errors import NotFoundError
from millrace.estimators.threads import bounded_threads
from millrace.spec.catalogue import spec_from_document
from millrace.stages.base import RunContext
from millrace.stages.material.held_out import Material, material
from millrace.stages.outputs import Transformed
from millrace.stores.base import ArtifactStore, DatasetRef, ModelRegistry, ModelVersion, RunStore

if TYPE_CHECKING:
    import pandas as pd

ROWS = 50_000
SEED = 17
AT, ANSWER = "millrace:at", "millrace:answer:"
"""Columns that stand beside the inputs; an answer's column ends with the name of its target."""


@dataclass(frozen=True)
class Reference:
    """An open reference: inputs, times of their rows (None where rows have none), and answers on held-out rows."""

    inputs: pd.DataFrame
    times: pd.Series | None
    answers: pd.DataFrame
    answer_times: pd.Series | None


def keep_reference(context: RunContext, rows: Material, model: Any, version: str) -> DatasetRef:
    """Store the reference of a new version and note it in the version's record."""
    inputs = list(model[0].inputs_)
    table = _with_answers(rows, model, inputs)
    kept = context.artifacts.write_dataset(f"{rows.spec.name}/reference", [_limited(table)])
    record = {"name": rows.spec.name, "version": version, "reference": kept.model_dump(mode="json")}
    context.runs.record_model(record)
    return kept


def reference_of(version: ModelVersion, runs: RunStore, artifacts: ArtifactStore, registry: ModelRegistry) -> Reference:
    """The reference of a version; made from its training table where none was kept. Raises NotFoundError."""
    record = runs.model_record(version.name, version.version) or {}
    kept = record.get("reference")
    if kept is None or not artifacts.has_dataset(kept["uri"]):
        kept = _made_now(version, record, runs, artifacts, registry).model_dump(mode="json")
    return _opened(artifacts.open_dataset(kept["uri"]).frame())


def _made_now(
    version: ModelVersion, record: dict[str, Any], runs: RunStore, artifacts: ArtifactStore, registry: ModelRegistry
) -> DatasetRef:
    run = runs.get_run(version.run_id)
    table = (run["stages"].get("transform") or {}).get("output")
    if table is None or "spec" not in run:
        raise NotFoundError(
            f"The run {version.run_id} kept no table to compare version {version.version} of {version.name} with.",
            hint="Train a new version.",
        )
    loaded = spec_from_document(run["spec"])
    context = RunContext(version.run_id, loaded.spec, loaded.version, runs, artifacts, registry)
    rows = material(context, Transformed.model_validate(table))
    return keep_reference(context, rows, registry.load(version), version.version)


def _with_answers(rows: Material, model: Any, inputs: list[str]) -> pd.DataFrame:
    import pandas as pd

    table = rows.table.inputs[inputs].copy()
    held_out = table.iloc[rows.test]
    with bounded_threads(len(held_out)):
        answers = np.asarray(model.predict(held_out))
    targets = rows.spec.targets or ["cluster"]
    for place, target in enumerate(targets):
        values = pd.Series(answers if answers.ndim == 1 else answers[:, place])
        column = np.full(len(table), None, dtype=object)
        column[rows.test] = values if rows.spec.task == "regression" else texts(values)
        table[ANSWER + target] = column.astype("float64") if rows.spec.task == "regression" else column
    if rows.table.times is not None:
        table[AT] = rows.table.times
        table = table.sort_values(AT, kind="stable", ignore_index=True)
    return table


def _limited(table: pd.DataFrame) -> pd.DataFrame:
    if len(table) <= ROWS:
        return table
    if AT in table.columns:
        return table.tail(ROWS).reset_index(drop=True)
    return table.sample(ROWS, random_state=SEED).reset_index(drop=True)


def _opened(table: pd.DataFrame) -> Reference:
    times = table.pop(AT) if AT in table.columns else None
    if times is not None and times.dtype.kind != "M":  # ordered by a number: stretches of time mean nothing
        times = None
    named = [name for name in table.columns if str(name).startswith(ANSWER)]
    answers = table[named].rename(columns=lambda name: str(name).removeprefix(ANSWER))
    answered = answers.notna().any(axis=1)
    return Reference(
        inputs=table.drop(columns=named),
        times=times,
        answers=answers[answered].reset_index(drop=True),
        answer_times=None if times is None else times[answered].reset_index(drop=True),
    )
