"""Writes a model's folder in MLflow's own form: signature, metadata, skops file, example rows, requirements.

The folder is written without MLflow's save functions: those load the model again, and infer what is known here.
"""

from __future__ import annotations

from importlib.metadata import version as installed
from pathlib import Path
from typing import TYPE_CHECKING, Any

from millrace.stores.tracking import NewVersion
from millrace.stores.trusted_types import TRUSTED_TYPES

if TYPE_CHECKING:
    import pandas as pd
    from mlflow.models.signature import ModelSignature

MODEL_FILE = "model.skops"
_PACKAGES = ("millrace", "scikit-learn", "skops", "numpy", "pandas", "xgboost-cpu")


def write_model_folder(folder: Path, new: NewVersion, model_id: str) -> None:
    """Write everything that MLflow, and the service, need to know of the model."""
    import sklearn
    from mlflow import pyfunc
    from mlflow.models import Model

    folder.mkdir(parents=True, exist_ok=True)
    (folder / MODEL_FILE).write_bytes(new.content)
    for name, further in new.files.items():
        (folder / name).write_bytes(further)
    (folder / "requirements.txt").write_text("\n".join(requirements()) + "\n", encoding="utf-8")
    described = Model(
        artifact_path=None,
        run_id=new.mlflow_run_id,
        model_id=model_id,
        signature=signature(new),
        metadata=new.metadata,
    )
    _save_example(described, folder, new.example)
    pyfunc.add_to_model(
        described, loader_module="mlflow.sklearn", model_path=MODEL_FILE, python_env=_python_env(folder)
    )
    described.add_flavor(
        "sklearn",
        pickled_model=MODEL_FILE,
        sklearn_version=sklearn.__version__,
        serialization_format="skops",
        code=None,
        skops_trusted_types=list(TRUSTED_TYPES),
    )
    described.model_size_bytes = len(new.content)
    described.save(str(folder / "MLmodel"))


def requirements() -> list[str]:
    """The packages that a model needs, at the versions that made it."""
    return [f"{package}=={installed(package)}" for package in _PACKAGES]


def signature(new: NewVersion) -> ModelSignature:
    """The model's inputs by name, as they are served: double, long, boolean, datetime or string."""
    from mlflow.models.signature import ModelSignature
    from mlflow.types.schema import ColSpec, Schema

    inputs = [
        ColSpec(type=_served_type(kind, new.example[name].dtype.kind), name=name, required=name not in new.optional)
        for name, kind in new.kinds.items()
    ]
    answers = 1 if new.prediction.ndim == 1 else new.prediction.shape[1]
    said = {"b": "boolean", "i": "long", "u": "long", "f": "double"}.get(new.prediction.dtype.kind, "string")
    return ModelSignature(inputs=Schema(inputs), outputs=Schema([ColSpec(type=said)] * answers))


def _served_type(kind: str, dtype: str) -> str:
    if kind == "number":
        return "long" if dtype in "iu" else "double"
    return {"boolean": "boolean", "time": "datetime"}.get(kind, "string")


def _save_example(described: Any, folder: Path, example: pd.DataFrame) -> None:
    text = example.to_json(orient="split", index=False, date_format="iso", date_unit="us", double_precision=15)
    (folder / "input_example.json").write_text(text, encoding="utf-8")
    described.saved_input_example_info = {
        "artifact_path": "input_example.json",
        "type": "dataframe",
        "pandas_orient": "split",
    }


def _python_env(folder: Path) -> str:
    import platform

    lines = [f"python: {platform.python_version()}", "dependencies:", "- -r requirements.txt"]
    (folder / "python_env.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return "python_env.yaml"
