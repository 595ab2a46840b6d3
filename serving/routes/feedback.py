"""What turned out to be true, told later by a caller: by the id of a prediction, or by the key it was asked with."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field, model_validator

from millrace.stores.predictions import PredictionStore
from serving.access.permissions import Permission, require
from serving.answers import Answer, errors, now
from serving.deps import ServicesDep
from serving.ids import time_of
from serving.logs import request_id

router = APIRouter(
    prefix="/api/v1/feedback", tags=["predictions"], dependencies=[Depends(require(Permission.FEEDBACK))]
)
Truth = float | int | bool | str | dict[str, float]


class Feedback(BaseModel):
    """The truth for one prediction. Give `prediction_id`, or `model` and `key`."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=(), str_max_length=500, strict=True)

    prediction_id: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9._-]{1,64}(/\d{1,7})?$",
        description="The answer's request_id; for a row of a batch followed by '/' and the row, counted from 0.",
    )
    model: str | None = None
    key: str | None = Field(default=None, min_length=1, description="The key that the prediction was asked with.")
    truth: Truth = Field(description="What happened: a number, a class label, or an object by target name.")

    @model_validator(mode="after")
    def _names_one_prediction(self) -> Feedback:
        by_key = self.model is not None and self.key is not None
        if (self.prediction_id is not None) == by_key or (self.model is None) != (self.key is None):
            raise ValueError("give either prediction_id, or model and key")
        return self

    def about(self) -> dict[str, Any]:
        """The fields that the prediction's record has too."""
        if self.prediction_id is None:
            return {"model": self.model, "key": self.key}
        identity, _, row = self.prediction_id.partition("/")
        return {"request_id": identity, "row": int(row or 0)}


class FeedbackAnswer(Answer):
    """What was kept."""

    feedback_id: str
    first: bool = Field(description="Whether it is the first about this prediction; a later one replaces it.")
    matched: bool = Field(description="Whether the prediction's record is there; it may still be on its way.")


@router.post("", responses=errors(422, 503))
def feedback(given: Feedback, services: ServicesDep) -> FeedbackAnswer:
    """Keep what turned out to be true. The same request again changes nothing."""
    about, store = given.about(), services.prediction_store
    identity = "/".join(str(part) for part in ("key" if given.key else "request", *about.values()))
    prediction = _prediction(about, store) or {}
    known: dict[str, Any] = {name: prediction[name] for name in ("model", "version", "variant") if name in prediction}
    first = store.record_feedback({"_id": identity, **about, **known, "truth": given.truth})
    return FeedbackAnswer(
        timestamp=now(), request_id=request_id.get(), feedback_id=identity, first=first, matched=bool(prediction)
    )


def _prediction(about: dict[str, Any], store: PredictionStore) -> dict[str, Any] | None:
    """The record of what is told about, where it is there already."""
    if "key" in about:
        return store.by_key(about["model"], about["key"])
    made = time_of(about["request_id"])
    return store.by_request(about["request_id"], about["row"], datetime.fromtimestamp(made, UTC) if made else None)
