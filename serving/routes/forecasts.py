"""The stored forecasts: by pipeline, series and time, the newest forecast of each time; and how they have held."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Request

from millrace.errors import NotFoundError, RequestError, did_you_mean
from millrace.forecasting.plan import RESERVED
from serving.access.permissions import Permission, authorize, require
from serving.answers import errors, now
from serving.csv_answer import CSV_TYPE, csv_answer
from serving.deps import Services, ServicesDep
from serving.forecast_forms import ForecastsAnswer, QualityAnswer, SeriesQuality, Wanted, WantedQuality, aware
from serving.logs import request_id
from serving.media import wanted_type

router = APIRouter(prefix="/api/v1/forecasts", tags=["predictions"], dependencies=[Depends(require(Permission.READ))])

_OWN = frozenset({"pipeline", "series", "from", "to", "origin", "version", "latest", "limit", "after"})
_OWN_OF_QUALITY = frozenset({"pipeline", "days"})
NEXT_HEADER, JSON_TYPE = "X-Next-After", "application/json"
_DESCRIPTION = (
    "Times are ISO 8601, in UTC where they have no offset. Each time of a series is told once, by its newest forecast, "
    "unless `origin` names one. Any key column of the pipeline is a parameter too, for one "
    "`city=Columbus`. `next_after` asks for the next page. `Accept: text/csv` answers a table, whose header "
    "`X-Next-After` asks for the next one."
)
_FIRST = ("series", "timestamp")
_LAST = (
    "confidence_lower", "confidence_upper", "actual", "level", "model_version", "origin", "horizon", "made_at",
    "run_id", "allocation",
)  # fmt: skip
_CSV: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {CSV_TYPE: {"schema": {"type": "string", "description": "A header, and a line for each forecast."}}},
        "headers": {NEXT_HEADER: {"schema": {"type": "string"}, "description": "The `next_after` of a CSV."}},
    }
}


@router.get(
    "",
    response_model=ForecastsAnswer,
    responses={**errors(401, 403, 404, 406, 422, 503), **_CSV},
    description=_DESCRIPTION,
)
def forecasts(services: ServicesDep, request: Request, wanted: Annotated[Wanted, Query()]) -> Any:
    """List forecasts."""
    authorize(request.scope, Permission.READ, wanted.pipeline)
    form = wanted_type(request.headers, (JSON_TYPE, CSV_TYPE), JSON_TYPE)
    known = _known(services, wanted.pipeline)
    found = services.runs.find_forecasts(
        wanted.pipeline,
        where=_where(services, wanted, known) | _keys(services, request, known, _OWN),
        since=wanted.since,
        until=wanted.until,
        after=_place(wanted.after),
        limit=wanted.limit,
    )
    rows = [{"actual": None, **{key: value for key, value in one.items() if key != "_id"}} for one in found]
    full = len(found) == wanted.limit
    following = f"{found[-1]['timestamp'].isoformat()}/{found[-1]['series']}" if full else None
    if form == CSV_TYPE:
        columns = [*_FIRST, *_key_columns(known), _target(known), *_LAST]
        return csv_answer(rows, columns, {NEXT_HEADER: quote(following)} if following else {})
    return ForecastsAnswer(
        timestamp=now(),
        request_id=request_id.get(),
        pipeline=wanted.pipeline,
        target=_target(known),
        forecasts=rows,
        next_after=following,
    )


@router.get("/quality", responses=errors(401, 403, 404, 422, 503))
def quality(services: ServicesDep, request: Request, wanted: Annotated[WantedQuality, Query()]) -> QualityAnswer:
    """Tell of each series how its forecasts of the last days have held. Key columns are parameters too."""
    authorize(request.scope, Permission.READ, wanted.pipeline)
    known = _known(services, wanted.pipeline)
    found = services.runs.held_forecasts(
        wanted.pipeline,
        _target(known),
        since=known["origin"] - timedelta(days=wanted.days),
        until=known["origin"],
        where=_keys(services, request, known, _OWN_OF_QUALITY),
    )
    return QualityAnswer(
        timestamp=now(),
        request_id=request_id.get(),
        pipeline=wanted.pipeline,
        target=_target(known),
        level=known.get("level"),
        series=[SeriesQuality.model_validate(one) for one in found],
    )


def _known(services: Services, pipeline: str) -> dict[str, Any]:
    known = services.runs.newest_forecast(pipeline)
    if known is None:
        hint = "It is made by a run of a pipeline with task: forecast that has a champion."
        raise NotFoundError(f"There is no forecast of the pipeline '{pipeline}'.", hint=hint)
    return known


def _where(services: Services, wanted: Wanted, known: dict[str, Any]) -> dict[str, Any]:
    """The parameters that must be equal; the newest origin where only the newest forecast is wanted."""
    if wanted.latest and wanted.origin is not None:
        raise RequestError("'latest' and 'origin' name two forecasts.", hint="Send one of them.")
    if wanted.series not in {None, known["series"]}:
        _refuse_unknown(services, known["pipeline"], "series", str(wanted.series))
    named = {
        "series": wanted.series,
        "origin": known["origin"] if wanted.latest else wanted.origin,
        "model_version": wanted.version,
    }
    return {name: value for name, value in named.items() if value is not None}


def _key_columns(known: dict[str, Any]) -> list[str]:
    return [name for name, value in known.items() if name not in RESERVED and isinstance(value, str)]


def _keys(services: Services, request: Request, known: dict[str, Any], own: frozenset[str]) -> dict[str, str]:
    """The further parameters, which must be key columns of the pipeline with values that occur. Raises RequestError."""
    columns = _key_columns(known)
    further = {name: value for name, value in request.query_params.items() if name not in own}
    for name, value in further.items():
        if name not in columns:
            allowed = did_you_mean(name, [*columns, *own])
            raise RequestError(f"'{name}' is no parameter and no key column of '{known['pipeline']}'.", hint=allowed)
        if value != known[name]:
            _refuse_unknown(services, known["pipeline"], name, value)
    return further


def _refuse_unknown(services: Services, pipeline: str, name: str, value: str) -> None:
    """An empty answer would say that a city has no forecast, where it is only spelt otherwise."""
    values = services.runs.forecast_values(pipeline, name)
    if value not in values:
        raise NotFoundError(
            f"No series of the pipeline '{pipeline}' has {name} '{value[:80]}'.", hint=did_you_mean(value, values)
        )


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
        return series, aware(datetime.fromisoformat(moment.replace(" ", "+")))
    except ValueError as error:
        raise RequestError(
            f"'after' is {after[:80]!r}, which no page gave.", hint="Send the 'next_after' of the page before."
        ) from error
