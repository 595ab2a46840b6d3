"""Describes a forecaster for the model registry: what a version of a forecast takes, and what it answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from millrace.spec.models import PipelineSpec
from millrace.stages.outputs import Trained
from millrace.stores.tracking import NewVersion

if TYPE_CHECKING:
    import pandas as pd

EXAMPLE_ROWS = 5
KINDS = {"series": "text", "timestamp": "time", "origin": "time", "horizon": "number"}


def forecast_version(
    best: Trained, content: bytes, tags: dict[str, str], steps: pd.DataFrame, spec: PipelineSpec
) -> NewVersion:
    """The version to register. Its signature tells a step to forecast; such a model is not asked row by row."""
    return NewVersion(
        name=spec.name,
        mlflow_run_id=best.mlflow_run_id,
        content=content,
        tags=tags,
        metadata={
            "task": "forecast",
            "targets": spec.targets,
            "classes": None,
            "candidate": best.candidate,
            "estimator": best.estimator,
            "metrics": best.metrics,
            "steps": [],
        },
        example=steps.head(EXAMPLE_ROWS),
        prediction=np.zeros(1),
        kinds=KINDS,
    )
