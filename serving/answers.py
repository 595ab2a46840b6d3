"""The forms of the answers, for the API's documentation and for the routes that make them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


def now() -> str:
    """The present moment as ISO 8601 in UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class Answer(BaseModel):
    """What every answer has."""

    model_config = ConfigDict(protected_namespaces=())

    success: bool = True
    timestamp: str = Field(description="When it was answered: ISO 8601, UTC.")
    request_id: str = Field(description="The id under which the service's log knows the request.")


class ErrorAnswer(Answer):
    """An answer that says what went wrong and how to mend it."""

    success: bool = False
    error: str = Field(description="One sentence for people.")
    code: str = Field(description="A stable word for programs.")
    details: dict[str, Any] | None = None


class PredictionAnswer(Answer):
    """The answer for one row."""

    model: str
    model_version: str
    prediction: Any = Field(description="A number, a class label, or an object by target name.")
    confidence: float | None = Field(default=None, description="Probability of the predicted class.")
    probabilities: dict[str, float] | None = Field(default=None, description="By class, with ?probabilities=true.")


class BatchAnswer(Answer):
    """The answers for a list of rows, in the same order."""

    model: str
    model_version: str
    predictions: list[Any]
    confidences: list[float] | None = None
    probabilities: list[dict[str, float]] | None = None


ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorAnswer, "description": text}
    for status, text in {
        400: "The body is not the JSON that is wanted.",
        401: "Sign in, or send an API key; the one that was sent does not count.",
        403: "The caller is known, and may not do this.",
        404: "There is no such model, run or pipeline.",
        406: "None of the forms that Accept names can be given.",
        408: "The body did not arrive in time.",
        409: "It does not fit what is there.",
        412: "The change was made against a version that is not the present one.",
        413: "The body or the batch is too large.",
        415: "The body is of a type that this address does not read.",
        422: "A field does not fit the model's input; the sentence names it.",
        428: "The change does not say, by If-Match, against which version it was made.",
        429: "Too many requests; Retry-After says when to come again.",
        500: "The model or the service failed.",
        501: "This model cannot be explained; the sentence says why.",
        503: "A part that is needed does not answer; try again.",
    }.items()
}
"""Error answers by status, for the API's documentation."""


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Pick the error answers that a route documents."""
    return {status: ERRORS[status] for status in statuses}
