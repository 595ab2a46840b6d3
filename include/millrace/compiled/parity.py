"""The parity gate: a compiled model may serve only if it answers as scikit-learn does.

It asks both about every row that it is given and about damaged copies of some of them: numbers gone missing, categories
that training never saw. A regression may differ by 1e-5 of its answer, a probability by 1e-5; a class may not differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from millrace.compiled.session import Array, CompiledAnswer, CompiledModel

LIMIT = 1e-5
DAMAGED_ROWS = 200
UNSEEN = "\N{BLACK QUESTION MARK ORNAMENT} unseen in training"


@dataclass(frozen=True)
class Verdict:
    """How far the compiled model lies from scikit-learn; `reason` is None where it may serve."""

    rows: int
    largest_difference: float
    reason: str | None


def compare(pipeline: Any, compiled: CompiledModel, columns: dict[str, Array]) -> Verdict:
    """Ask both about these rows. Whatever the compiled model raises is a reason against it."""
    import pandas as pd

    rows = len(next(iter(columns.values())))
    table = pd.DataFrame(columns, copy=False)
    expected = pipeline.predict(table)
    shares = pipeline.predict_proba(table) if hasattr(pipeline, "predict_proba") else None
    try:
        found = compiled.answer(columns)
    except Exception as error:  # ONNX Runtime has no error class of its own to name here
        return Verdict(rows, float("inf"), f"ONNX Runtime fails on these rows: {_first_line(error)}")
    return _verdict(rows, found, np.asarray(expected), shares, getattr(pipeline, "classes_", None))


def damaged(columns: dict[str, Array], seed: int = 0) -> dict[str, Array]:
    """Copies of the first rows in which a third of the values are missing, and some texts are new."""
    draw = np.random.default_rng(seed)
    made = {}
    for name, values in columns.items():
        copy = values[:DAMAGED_ROWS].copy()
        hit = draw.random(len(copy)) < 1 / 3
        if copy.dtype == object:
            copy[hit] = None
            copy[draw.random(len(copy)) < 1 / 4] = UNSEEN
        else:
            copy[hit] = np.datetime64("NaT") if copy.dtype.kind == "M" else np.nan
        made[name] = copy
    return made


def _verdict(rows: int, found: CompiledAnswer, expected: Array, shares: Array | None, labels: Any) -> Verdict:
    if found.positions is not None:
        changed = int((np.asarray(labels)[found.positions] != expected).sum())
        difference = _largest(np.abs(found.shares - shares)) if shares is not None else 0.0
        if changed:
            return Verdict(rows, difference, f"{changed} of {rows} rows get another class than from scikit-learn")
    else:
        difference = _relative(np.asarray(found.values), expected)
    if difference <= LIMIT:
        return Verdict(rows, difference, None)
    return Verdict(rows, difference, f"it differs from scikit-learn by {difference:.1e}, more than {LIMIT:.0e}")


def _relative(found: Array, expected: Array) -> float:
    """The largest difference, relative to the answer; near 0, to a thousandth of the usual answer."""
    if found.size != expected.size:
        return float("inf")
    found, expected = found.astype("float64").ravel(), expected.astype("float64").ravel()
    if not np.array_equal(np.isfinite(found), np.isfinite(expected)):
        return float("inf")
    finite = np.isfinite(expected)
    if not finite.any():
        return 0.0
    found, expected = found[finite], expected[finite]
    usual = 1e-3 * float(np.abs(expected).mean())
    return _largest(np.abs(found - expected) / np.maximum(np.abs(expected), max(usual, np.finfo("float64").tiny)))


def _largest(differences: Array) -> float:
    largest = float(differences.max(initial=0.0))
    return largest if np.isfinite(largest) else float("inf")


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
