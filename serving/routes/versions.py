"""Predictions by a version that the caller names: a number, or an alias such as `challenger`.

The traffic rule has no part in them, and neither has the shadow. What they do is done where the champion's routes are.
"""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from serving.access.permissions import Permission, require
from serving.answers import errors
from serving.deps import ServicesDep
from serving.routes.explain import EXPLANATION, explain_row
from serving.routes.files import FILE, predict_upload
from serving.routes.models import SchemaAnswer, schema_of
from serving.routes.predict import ROW, ROWS, predict_row, predict_rows

router = APIRouter(prefix="/api/v1/models/{name}/versions/{version}", tags=["predictions"])
_PREDICT, _READ = ([Depends(require(p))] for p in (Permission.PREDICT, Permission.READ))


@router.post("/predict", dependencies=_PREDICT, **ROW)
async def predict_by_version(
    name: str, version: str, request: Request, services: ServicesDep, probabilities: bool = False
) -> Response:
    """Predict one row with this version, given as a JSON object of input fields."""
    return await predict_row(services, request, name, version, probabilities=probabilities)


@router.post("/predict/batch", dependencies=_PREDICT, **ROWS)
async def predict_batch_by_version(
    name: str, version: str, request: Request, services: ServicesDep, probabilities: bool = False
) -> Response:
    """Predict rows with this version, in the form that Content-Type names; answered in the form of Accept."""
    return await predict_rows(services, request, name, version, probabilities=probabilities)


@router.post("/predict/file", dependencies=_PREDICT, **FILE)
async def predict_file_by_version(
    name: str, version: str, request: Request, services: ServicesDep, probabilities: bool = False, ids: bool = False
) -> Response:
    """Predict a table of any length with this version: CSV, Arrow or Parquet, answered in the form of Accept."""
    return await predict_upload(services, request, name, version, probabilities=probabilities, ids=ids)


@router.post("/explain", dependencies=_PREDICT, **EXPLANATION)
async def explain_by_version(name: str, version: str, request: Request, services: ServicesDep) -> Response:
    """Explain this version's prediction of one row by SHAP values. It is not recorded."""
    return await explain_row(services, request, name, version)


@router.get("/schema", dependencies=_READ, responses=errors(404, 503))
async def schema_by_version(name: str, version: str, services: ServicesDep) -> SchemaAnswer:
    """Show what this version takes."""
    return schema_of((await services.answering.named(name, version)).model)
