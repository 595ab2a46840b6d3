"""The stored forecasts: by pipeline, series and time, the newest forecast of each time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from millrace.errors import NotFoundError, RequestError, did_you_mean
from millrace.forecasting.plan import RESERVED
from serving.access.permissions import Permission, authorize, require
from serving.answers import Answer, errors, now
from serving.deps import Services, ServicesDep
from serving.logs import request_id

router = APIRouter(prefix="/api/v1/forecasts", tags=["predictions"], dependencies=[Depends(require(Permission.READ))])


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


Moment = Annotated[datetime, AfterValidator(_aware)]
_OWN = frozenset({"pipeline", "series", "from", "to", "origin", "limit", "after"})
_DESCRIPTION = (
    "Times are ISO 8601, in UTC where they have no offset. Each time of a series is told once, by its newest forecast, "
    "unless `origin` names one. Any key column of the pipeline is a parameter too, for one "
    "`city=Columbus`. `next_after` asks for the next page."
)


class ForecastsAnswer(Answer):
    """Forecasts by series and time; `next_after` asks for the next page."""

    pipeline: str
    target: str = Field(description="The name under which each forecast tells its value.")
    forecasts: list[dict[str, Any]] = Field(
        description="series, its key columns, timestamp, the value under the target's name, confidence_lower, "
        "confidence_upper, level, model_version, origin, horizon, made_at, run_id; actual once it is known."
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
    limit: int = Field(default=200, ge=1, le=5000)
    after: str | None = Field(default=None, description="The `next_after` of the page before.")


@router.get("", responses=errors(401, 403, 404, 422, 503), description=_DESCRIPTION)
def forecasts(services: ServicesDep, request: Request, wanted: Annotated[Wanted, Query()]) -> ForecastsAnswer:
    """List forecasts."""
    authorize(request.scope, Permission.READ, wanted.pipeline)
    known = _known(services, wanted.pipeline)
    named = {"series": wanted.series, "origin": wanted.origin}
    where: dict[str, Any] = {name: value for name, value in named.items() if value is not None}
    found = services.runs.find_forecasts(
        wanted.pipeline,
        where={**where, **_keys(request, known)},
        since=wanted.since,
        until=wanted.until,
        after=_place(wanted.after),
        limit=wanted.limit,
    )
    full = len(found) == wanted.limit
    return ForecastsAnswer(
        timestamp=now(),
        request_id=request_id.get(),
        pipeline=wanted.pipeline,
        target=_target(known),
        forecasts=[{key: value for key, value in document.items() if key != "_id"} for document in found],
        next_after=f"{found[-1]['timestamp'].isoformat()}/{found[-1]['series']}" if full else None,
    )


def _known(services: Services, pipeline: str) -> dict[str, Any]:
    known = services.runs.newest_forecast(pipeline)
    if known is None:
        hint = "It is made by a run of a pipeline with task: forecast that has a champion."
        raise NotFoundError(f"There is no forecast of the pipeline '{pipeline}'.", hint=hint)
    return known


def _keys(request: Request, known: dict[str, Any]) -> dict[str, str]:
    """The further parameters, which must be key columns of the pipeline. Raises RequestError."""
    columns = [name for name, value in known.items() if name not in RESERVED and isinstance(value, str)]
    further = {name: value for name, value in request.query_params.items() if name not in _OWN}
    for name in further:
        if name not in columns:
            allowed = did_you_mean(name, [*columns, *_OWN])
            raise RequestError(f"'{name}' is no parameter and no key column of '{known['pipeline']}'.", hint=allowed)
    return further


def _target(known: dict[str, Any]) -> str:
    return next(name for name, value in known.items() if name not in RESERVED and not isinstance(value, str))


def _place(after: str | None) -> tuple[str, datetime] | None:
    if after is None:
        return None
    moment, found, series = after.partition("/")
    try:
        if not found:
            raise ValueError(after)
        # An offset's + that was sent undisguised arrives as a space.
        return series, _aware(datetime.fromisoformat(moment.replace(" ", "+")))
    except ValueError as error:
        raise RequestError(
            f"'after' is {after[:80]!r}, which no page gave.", hint="Send the 'next_after' of the page before."
        ) from error
