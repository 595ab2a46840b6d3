"""The forecasts on MongoDB: one document for each series, time and origin, and later the true value beside it.

A forecast made again from the same origin replaces itself, so that a repeated stage leaves one forecast.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import groupby, islice
from typing import Any

from millrace.errors import DataError
from millrace.stores.forecast_summary import Held
from millrace.stores.mongo import Document, MongoStore, explained

BATCH = 1000
MOST_WAITING = 100 * BATCH


class MongoForecasts(MongoStore):
    """The collection `forecasts`.

    A document has `pipeline`, `series` (its key columns joined), the key columns by their names, `timestamp`, the
    forecast under the target's name, `confidence_lower`, `confidence_upper`, `level`, `model_version`, `origin` (the
    first time of its forecast), `horizon` (steps from the origin, from 1), `made_at`, `run_id`; later `actual`.
    """

    @explained
    def record_forecasts(self, documents: Iterable[Document]) -> int:
        """Keep forecasts, each in place of one of the same pipeline, series, origin and time; returns how many."""
        from pymongo import ReplaceOne

        count = 0
        remaining = iter(documents)
        while batch := list(islice(remaining, BATCH)):
            named = [{"_id": forecast_id(document), **document} for document in batch]
            self.collection("forecasts").bulk_write([ReplaceOne({"_id": d["_id"]}, d, upsert=True) for d in named])
            count += len(named)
        return count

    @explained
    def forecasts_without_actual(self, pipeline: str, before: datetime) -> list[Document]:
        """Forecasts of times before `before` whose true value is not known yet: `_id`, `series` and `timestamp`.

        The latest times first, so that many whose truth never comes do not hide those whose truth has just come.
        """
        wanted = {"pipeline": pipeline, "actual": None, "timestamp": {"$lt": before}}
        found = self.collection("forecasts").find(wanted, {"series": 1, "timestamp": 1}, sort=[("timestamp", -1)])
        return list(found.limit(MOST_WAITING))

    @explained
    def record_actuals(self, actuals: dict[str, float]) -> None:
        """Put the true value beside forecasts, by their `_id`."""
        from pymongo import UpdateOne

        pairs = iter(actuals.items())
        while batch := list(islice(pairs, BATCH)):
            changes = [UpdateOne({"_id": key}, {"$set": {"actual": value}}) for key, value in batch]
            self.collection("forecasts").bulk_write(changes, ordered=False)

    @explained
    def newest_forecast(self, pipeline: str) -> Document | None:
        """A document of the pipeline's newest forecast: it names the key columns and the target."""
        return self.collection("forecasts").find_one({"pipeline": pipeline}, sort=[("origin", -1)])

    @explained
    def forecast_series(self, pipeline: str) -> list[str]:
        """The names of the series that there are forecasts of, in order."""
        return self.forecast_values(pipeline, "series")

    @explained
    def forecast_origins(self, pipeline: str, series: str, limit: int = 30) -> list[Document]:
        """The forecasts of a series by where each begins, newest first."""
        told = {name: {"$first": f"${name}"} for name in ("model_version", "made_at", "run_id")}
        span = {"from": {"$min": "$timestamp"}, "to": {"$max": "$timestamp"}}
        found = self.collection("forecasts").aggregate(
            [
                {"$match": {"pipeline": pipeline, "series": series}},
                {"$group": {"_id": "$origin", **told, **span}},
                {"$sort": {"_id": -1}},
                {"$limit": limit},
            ]
        )
        return [{"origin": one.pop("_id"), **one} for one in found]

    @explained
    def find_forecasts(
        self,
        pipeline: str,
        *,
        where: dict[str, Any] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        after: tuple[str, datetime] | None = None,
        limit: int = 200,
    ) -> list[Document]:
        """The newest forecast of each series and time, by series and time.

        `where` holds fields that must be equal (series, a key column, origin); `since` is included, `until` is not;
        `after` is the series and time of the last document of the page before.
        """
        wanted: Document = {"pipeline": pipeline, **(where or {})}
        times = {key: moment for key, moment in (("$gte", since), ("$lt", until)) if moment is not None}
        if times:
            wanted["timestamp"] = times
        if after is not None:
            wanted["$or"] = [
                {"series": {"$gt": after[0]}},
                {"series": after[0], "timestamp": {"$gt": after[1]}},
            ]
        order = [("series", 1), ("timestamp", 1), ("origin", -1)]
        return list(islice(_newest_of_each(self.collection("forecasts").find(wanted).sort(order)), limit))

    @explained
    def forecast_quality(self, pipeline: str, since: datetime, until: datetime | None = None) -> dict[str, Any]:
        """How the forecasts since then have held: `count` of those with a true value, `coverage`, `width`.

        `coverage` is the share of true values within the interval and `width` the mean width; None without any.
        """
        span = {"$gte": since} if until is None else {"$gte": since, "$lt": until}
        wanted = {"pipeline": pipeline, "timestamp": span, "actual": {"$type": "number"}}
        fields = {"actual": 1, "confidence_lower": 1, "confidence_upper": 1}
        inside, widths = 0, 0.0
        count = 0
        for found in self.collection("forecasts").find(wanted, fields):
            if found["confidence_lower"] is None:
                continue
            count += 1
            inside += found["confidence_lower"] <= found["actual"] <= found["confidence_upper"]
            widths += found["confidence_upper"] - found["confidence_lower"]
        return {
            "count": count,
            "coverage": inside / count if count else None,
            "width": widths / count if count else None,
        }

    @explained
    def forecast_values(self, pipeline: str, name: str) -> list[str]:
        """The values of a key column, in order."""
        return sorted(self.collection("forecasts").distinct(name, {"pipeline": pipeline}))

    @explained
    def held_forecasts(
        self, pipeline: str, target: str, *, since: datetime, until: datetime, where: dict[str, Any] | None = None
    ) -> list[Document]:
        """Each series with a forecast of a time since then; how those of times before `until` have held (`Held`).

        `where` holds key columns that must be equal.
        """
        wanted = {"pipeline": pipeline, "timestamp": {"$gte": since}, **(where or {})}
        found = self.collection("forecasts").find(wanted, dict.fromkeys(Held.reads(target), 1)).sort("series", 1)
        return [
            Held(name, target, until).of(documents) for name, documents in groupby(found, key=lambda one: one["series"])
        ]


def forecast_id(document: Document) -> str:
    """The natural key of a forecast."""
    for key in ("pipeline", "series", "origin", "timestamp"):
        if key not in document:
            raise DataError(f"A forecast has no '{key}'.")
    origin, timestamp = document["origin"], document["timestamp"]
    return f"{document['pipeline']}/{document['series']}/{origin:%Y%m%dT%H%M%SZ}/{timestamp:%Y%m%dT%H%M%SZ}"


def _newest_of_each(documents: Iterable[Document]) -> Iterator[Document]:
    """The first of each series and time: the newest origin stands first."""
    last = None
    for document in documents:
        place = (document["series"], document["timestamp"])
        if place != last:
            last = place
            yield document
