"""Describes a forecaster for the model registry: what a version takes, what it answers, and what that costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from millrace.estimators.threads import bounded_threads
from millrace.forecasting.walk import last_origin
from millrace.stages.outputs import Trained
from millrace.stages.registration.served_form import forecast_measured
from millrace.stores.tracking import NewVersion

if TYPE_CHECKING:
    from millrace.stages.material.forecast_material import ForecastMaterial

EXAMPLE_ROWS = 5
KINDS = {"series": "text", "timestamp": "time", "origin": "time", "horizon": "number"}


def forecast_version(best: Trained, content: bytes, tags: dict[str, str], rows: ForecastMaterial) -> NewVersion:
    """The version to register. Its signature tells a step to forecast; such a model is not asked row by row."""
    return NewVersion(
        name=rows.spec.name,
        mlflow_run_id=best.mlflow_run_id,
        content=content,
        tags={**tags, **_cost(best, content, rows)},
        metadata={
            "task": "forecast",
            "targets": rows.spec.targets,
            "classes": None,
            "candidate": best.candidate,
            "estimator": best.estimator,
            "metrics": best.metrics,
            "steps": [],
        },
        example=rows.testing()[0].head(EXAMPLE_ROWS),
        prediction=np.zeros(1),
        kinds=KINDS,
    )


def _cost(best: Trained, content: bytes, rows: ForecastMaterial) -> dict[str, str]:
    """What the next forecast takes, as tags: it is made as the stage `forecast` will make it."""
    from millrace.stores.model_format import model_from_bytes

    panel = rows.known
    with bounded_threads(panel.end):
        model = model_from_bytes(content, best.candidate)
        return forecast_measured(model, content, panel, last_origin(panel, rows.plan)).tags()
