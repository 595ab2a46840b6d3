"""The file of a version's folder that holds its fitted estimator: which formats are opened, and how.

A skops file holds no code, and is read with Millrace's own list of types. A pickle runs the code of whoever made it:
one is opened only where an operator has said so (SERVING_PICKLES).
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from millrace.errors import StorageError
from millrace.stores.model_format import model_from_bytes

SKOPS = "skops"
PICKLES = frozenset({"pickle", "cloudpickle"})


@dataclass(frozen=True)
class EstimatorFile:
    """The file, and its format by MLflow's name for it."""

    path: Path
    format: str

    def opened(self, content: bytes, name: str) -> Any:
        """The estimator in the file's content. Raises StorageError that names the model."""
        if self.format == SKOPS:
            return model_from_bytes(content, name)
        try:
            return pickle.loads(content)  # noqa: S301 - an operator allows it
        except Exception as error:  # it runs code: anything may come of it
            raise StorageError(
                f"The model {name} cannot be loaded from its pickle: {type(error).__name__}: {error}.",
                hint="The service needs the packages of the model's requirements.txt at the same versions.",
            ) from error


def estimator_file(folder: Path, mlmodel: dict[str, Any], *, pickles: bool) -> EstimatorFile:
    """Where the estimator of these files is. Raises StorageError for a format that may not be opened."""
    flavor = (mlmodel.get("flavors") or {}).get("sklearn") or {}
    found = flavor.get("serialization_format")
    if found in PICKLES and not pickles:
        raise StorageError(
            f"The model's files hold a {found} file, which runs the code of whoever made it, and is not opened.",
            hint="Log it with serialization_format='skops'; or set SERVING_PICKLES=load, if all who may write to the "
            "registry may also run code here.",
        )
    if found != SKOPS and found not in PICKLES:
        raise StorageError(
            f"The model's files hold {found or 'no scikit-learn model'}; only scikit-learn models are served.",
            hint="Train it with a pipeline, or log it with mlflow.sklearn.",
        )
    return EstimatorFile(folder / str(flavor["pickled_model"]), str(found))
