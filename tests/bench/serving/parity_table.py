"""Trains every candidate of every pipeline in include/pipelines and prints how its compiled form answers its test set.

    .venv/bin/python tests/bench/serving/parity_table.py [PIPELINE…]

Each line is one candidate: compiled or refused, on how many rows, and the largest difference from scikit-learn.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from millrace.compiled.form import compiled_form, opened
from millrace.features.columns import columns_from_frame
from millrace.local.stores import stores_running
from millrace.pipeline import close_run, new_run_id, open_context, perform, run_pipeline
from millrace.settings import get_settings
from millrace.spec.catalogue import LoadedSpec, load_catalogue
from millrace.stages.material.held_out import material
from millrace.stages.outputs import Transformed
from millrace.stages.training.candidates import all_candidates
from millrace.stores.model_format import model_from_bytes

HEAD = ("pipeline", "candidate", "compiled", "rows", "largest difference", "compiled µs", "scikit-learn µs", "reason")


def main(names: list[str]) -> None:
    """Print the table of the named pipelines, or of all."""
    settings = get_settings()
    print(f"| {' | '.join(HEAD)} |\n|{'---|' * len(HEAD)}")
    with stores_running(settings) as running:
        specs = load_catalogue(settings.millrace_pipelines_dir).specs
        for name, loaded in specs.items():
            if loaded.spec.task not in {None, "forecast"} and (not names or name in names):  # forecasts are made ahead
                for asset in getattr(loaded.spec.schedule, "assets", []):  # their tables are written by others
                    before = specs[asset.partition("/")[2]]
                    run_pipeline(open_context(before, new_run_id(before.spec), settings=running))
                for cells in lines(loaded, running):
                    print(f"| {' | '.join(cells)} |", flush=True)


def lines(loaded: LoadedSpec, settings: Any) -> Iterator[tuple[str, ...]]:
    """One line for each candidate of a pipeline."""
    context = open_context(loaded, new_run_id(loaded.spec), settings=settings)
    outputs: dict[str, Any] = {}
    for stage in ("extract", "validate", "transform"):
        outputs[stage] = perform(context, stage, outputs)
    inputs, _ = material(context, Transformed.model_validate(outputs["transform"])).testing()
    for label in all_candidates(context.spec):
        trained = perform(context, "train", outputs, label)
        model = model_from_bytes(context.artifacts.get_bytes(trained["model_uri"]), label)
        yield (context.spec.name, label, *line(model, inputs))
    close_run(context, None)


def line(model: Any, inputs: Any) -> tuple[str, ...]:
    """What the gate says of one model, and what one row costs either way (the median)."""
    form = compiled_form(model, inputs)
    report = form.report
    difference = report.largest_relative_difference
    one = inputs.head(1)
    fast = "-"
    if form.content is not None:
        compiled = opened(form.content, report, model[0])
        columns = columns_from_frame(one, model[0].inputs_)
        fast = f"{microseconds(lambda: compiled.answer(columns), 500):,.0f}"
    slow = f"{microseconds(lambda: model.predict(one), 15):,.0f}"
    shown = "-" if difference is None else f"{difference:.1e}"
    return report.status, f"{report.rows:,}", shown, fast, slow, report.reason or ""


def microseconds(call: Callable[[], Any], times: int) -> float:
    """The median of so many calls."""
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        call()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken) * 1e6


if __name__ == "__main__":
    main(sys.argv[1:])
