"""A registered version, opened to score tables: its input signature, and its answers as columns.

The compiled form answers where the version has one, and scikit-learn elsewhere, just as the service does it.
"""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from millrace.errors import NotFoundError, StorageError
from millrace.estimators.threads import bounded_threads
from millrace.inputs.signature import Signature, read_signature
from millrace.stores.base import ModelRegistry, ModelVersion

Array: TypeAlias = "npt.NDArray[Any]"
MOST_THREADS = 4


@dataclass(frozen=True)
class ScoringModel:
    """An open version. `compiled` is None where scikit-learn answers."""

    version: ModelVersion
    signature: Signature
    pipeline: Any
    compiled: Any
    task: str
    targets: list[str]

    @property
    def answered_by(self) -> str:
        """`compiled` or `scikit-learn`."""
        return "scikit-learn" if self.compiled is None else "compiled"

    def answer(self, columns: dict[str, Array], *, probabilities: bool = False) -> dict[str, Array]:
        """`prediction` (or `prediction_<target>` of each target), `confidence`, and `probability_<class>` if asked."""
        values, shares, places = self._asked(columns)
        if shares is None or places is None:
            return self._named(values)
        labels = np.asarray(self.pipeline.classes_)
        said = {"prediction": labels[places], "confidence": shares[np.arange(len(places)), places]}
        if probabilities:
            said |= {f"probability_{_label(label)}": shares[:, place] for place, label in enumerate(labels.tolist())}
        return said

    def _asked(self, columns: dict[str, Array]) -> tuple[Array, Array | None, Array | None]:
        if self.compiled is not None:
            found = self.compiled.answer(columns)
            return found.values, found.shares, found.positions
        import pandas as pd

        table = pd.DataFrame(columns, copy=False)
        with bounded_threads(len(table)):
            values = np.asarray(self.pipeline.predict(table))
            if self.task != "classification" or not hasattr(self.pipeline, "predict_proba"):
                return values, None, None
            shares = np.asarray(self.pipeline.predict_proba(table))
        places = {label: place for place, label in enumerate(self.pipeline.classes_.tolist())}
        return values, shares, np.array([places[value] for value in values.tolist()])

    def _named(self, values: Array) -> dict[str, Array]:
        if values.ndim == 1 or values.shape[1] == 1:
            return {"prediction": values.reshape(-1)}
        names = self.targets or [str(place) for place in range(values.shape[1])]
        return {f"prediction_{name}": values[:, place] for place, name in enumerate(names)}


def chosen_version(registry: ModelRegistry, name: str, wanted: str) -> ModelVersion:
    """The version that an alias or a number names. Raises NotFoundError."""
    versions = registry.versions(name)
    if not versions:
        raise NotFoundError(f"There is no model '{name}'.", hint=f"Train it: millrace run {name}")
    for version in versions:
        if wanted == version.version or wanted in version.aliases:
            return version
    aliases = sorted({alias for version in versions for alias in version.aliases})
    raise NotFoundError(
        f"The model '{name}' has no version '{wanted}'.",
        hint=f"It has: {', '.join([*aliases, *(version.version for version in versions[:10])])}.",
    )


def opened(registry: ModelRegistry, version: ModelVersion, threads: int | None = None) -> ScoringModel:
    """Fetch the version's files and load them. Raises StorageError or NotFoundError."""
    with tempfile.TemporaryDirectory(prefix="millrace-score-") as scratch:
        folder = Path(scratch)
        registry.download(version, folder)
        return _opened(version, folder, threads or min(MOST_THREADS, os.cpu_count() or 1))


def _opened(version: ModelVersion, folder: Path, threads: int) -> ScoringModel:
    from ruamel.yaml import YAML

    from millrace.stores.model_folder import MODEL_FILE
    from millrace.stores.model_format import model_from_bytes

    mlmodel = YAML(typ="safe", pure=True).load((folder / "MLmodel").read_text("utf-8"))
    if not (folder / MODEL_FILE).is_file():
        raise StorageError(
            f"{version.uri} has no {MODEL_FILE}; only models that Millrace made are scored.", hint="Train it again."
        )
    pipeline = model_from_bytes((folder / MODEL_FILE).read_bytes(), version.uri)
    metadata = mlmodel.get("metadata") or {}
    return ScoringModel(
        version=version,
        signature=read_signature(folder, mlmodel),
        pipeline=pipeline,
        compiled=_compiled(folder, pipeline, threads),
        task=str(metadata.get("task") or version.tags.get("millrace.task")),
        targets=[str(name) for name in metadata.get("targets") or []],
    )


def _compiled(folder: Path, pipeline: Any, threads: int) -> Any:
    from millrace.compiled.form import MODEL_FILE, REPORT_FILE, CompiledReport
    from millrace.compiled.form import opened as opened_form

    if not (folder / REPORT_FILE).is_file():
        return None
    report = CompiledReport.model_validate(json.loads((folder / REPORT_FILE).read_text("utf-8")))
    if report.status != "compiled":
        return None
    try:
        return opened_form((folder / MODEL_FILE).read_bytes(), report, pipeline[0], threads)
    except (OSError, ValueError) as error:
        raise StorageError(f"The compiled form cannot be loaded: {error}.", hint="Train the model again.") from error


def _label(label: Any) -> str:
    return str(label).lower() if isinstance(label, bool) else str(label)
