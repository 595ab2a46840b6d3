"""What may be asked of the stored forecasts, and the forms of the answers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from serving.answers import Answer


def aware(moment: datetime) -> datetime:
    """A time without an offset is one in UTC."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


Moment = Annotated[datetime, AfterValidator(aware)]


class ForecastsAnswer(Answer):
    """Forecasts by series and time; `next_after` asks for the next page."""

    pipeline: str
    target: str = Field(description="The name under which each forecast tells its value.")
    forecasts: list[dict[str, Any]] = Field(
        description="series, its key columns, timestamp, the value under the target's name, confidence_lower, "
        "confidence_upper, level, model_version, origin, horizon, made_at, run_id; actual, null until it is known."
    )
    next_after: str | None = None


class Wanted(BaseModel):
    """Which forecasts are asked for."""

    model_config = ConfigDict(populate_by_name=True, str_max_length=500)

    pipeline: str = Field(description="The pipeline's name.")
    series: str | None = Field(default=None, description="The series' name: its key columns joined by ' / '.")
    since: Moment | None = Field(default=None, alias="from", description="The first time, included.")
    until: Moment | None = Field(default=None, alias="to", description="The last time, not included.")
    origin: Moment | None = Field(default=None, description="Only the forecast that begins at this time.")
    version: str | None = Field(default=None, description="Only what this version of the model has forecast.")
    latest: bool = Field(default=False, description="Only the newest forecast, not what is left of earlier ones.")
    limit: int = Field(default=200, ge=1, le=5000)
    after: str | None = Field(default=None, description="The `next_after` of the page before.")


class WantedQuality(BaseModel):
    """Which series are asked for."""

    model_config = ConfigDict(str_max_length=500)

    pipeline: str = Field(description="The pipeline's name.")
    days: int = Field(default=28, ge=1, le=366, description="How far back from the newest forecast times count.")


class SeriesQuality(BaseModel):
    """One series: what is forecast of it, and how the forecasts of times that have passed have held."""

    model_config = ConfigDict(populate_by_name=True, protected_namespaces=())

    series: str
    since: datetime = Field(alias="from", description="The first time that counts.")
    until: datetime = Field(alias="to", description="The last time that is forecast.")
    origin: datetime = Field(description="Where its newest forecast begins.")
    model_version: str
    known: int = Field(description="Forecasts whose true value is known; each origin counts by itself.")
    missing: int = Field(description="Forecasts of times before the newest origin without a true value.")
    mae: float | None = Field(description="Mean absolute error of those that are known.")
    coverage: float | None = Field(description="Share of their true values within the interval.")
    interval_width: float | None


class QualityAnswer(Answer):
    """The series of a pipeline, each with how its forecasts have held."""

    pipeline: str
    target: str
    level: float | None = Field(description="The share of true values that the intervals are to hold.")
    series: list[SeriesQuality]
