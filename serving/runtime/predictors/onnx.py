"""Asks the compiled form of a model: one run of ONNX Runtime gives predictions and probabilities, without pandas.

The form is opened only from files that passed the parity gate, and is compared once more, on the model's example, with
the Pipeline beside it.
"""

from __future__ import annotations

import logging
import timeit
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from millrace.compiled.form import MODEL_FILE, REPORT_FILE, CompiledReport, opened
from millrace.compiled.parity import compare
from millrace.compiled.session import CompiledModel
from millrace.stores.base import ModelVersion
from serving.runtime.predictors.base import Asked, Columns

log = logging.getLogger(__name__)
QUICK_SECONDS = 0.001
TRIALS = 5


class OnnxPredictor:
    """A CompiledModel with the labels that its positions stand for."""

    is_compiled = True

    def __init__(self, model: CompiledModel, labels: list[Any] | None, *, is_quick: bool = True) -> None:
        self._model = model
        self.labels = labels
        self.is_quick = is_quick

    def ask(self, columns: Columns) -> Asked:
        """The session's answers."""
        found = self._model.answer(columns)
        if found.positions is None:
            values = found.values
            assert values is not None  # noqa: S101 - a session answers one or the other
            return Asked(values.ravel().tolist() if values.ndim == 1 or values.shape[1] == 1 else values.tolist())
        labels, shares, places = self.labels or [], found.shares, found.positions.tolist()
        assert shares is not None  # noqa: S101
        if len(places) == 1:
            return Asked([labels[places[0]]], [float(shares[0, places[0]])], shares)
        chosen = shares[np.arange(len(places)), found.positions]
        return Asked([labels[place] for place in places], chosen.tolist(), shares)


def onnx_predictor(
    version: ModelVersion, folder: Path, fitted: Callable[[], Any], example: Columns, threads: int
) -> OnnxPredictor | None:
    """The predictor for the compiled form in a version's folder; None, with a line in the log, where it may not serve.

    A version from before there were compiled forms has none. `fitted` gives the Pipeline to compare it with, and is
    called only where there is a form.
    """
    name = f"{version.name} {version.version}"
    if not (folder / REPORT_FILE).is_file():
        return None
    try:
        report = CompiledReport.model_validate_json((folder / REPORT_FILE).read_text("utf-8"))
        if report.status == "refused":
            log.info("%s has no compiled form and is served by scikit-learn: %s", name, report.reason)
            return None
        estimator = fitted()
        model = opened((folder / MODEL_FILE).read_bytes(), report, estimator[0], threads)
        reason = compare(estimator, model, example).reason
    except Exception as error:  # scikit-learn serves in its place, whatever is wrong with the files
        reason = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
    if reason is not None:
        log.warning("the compiled form of %s is not used; scikit-learn serves: %s", name, reason)
        return None
    classes = getattr(estimator, "classes_", None)
    labels = None if classes is None else classes.tolist()
    return OnnxPredictor(model, labels, is_quick=_seconds(model, example) < QUICK_SECONDS)


def _seconds(model: CompiledModel, example: Columns) -> float:
    """What one call costs at its best: some compiled forms, such as many neighbours, are exact and yet slow."""
    return min(timeit.repeat(lambda: model.answer(example), number=1, repeat=TRIALS))
