"""The predictions on MongoDB: written by the service in buckets, read by monitoring as rows.

A document of `predictions` is a bucket: up to 500 rows that one version answered within a minute, by columns. Whoever
reads gets rows:

    {_id, at, request_id, row, model, version, variant, key, caller, latency_ms, features, output}
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from millrace.settings import Settings
from millrace.stores.mongo import Document, MongoStore, explained

if TYPE_CHECKING:
    from pymongo.collection import Collection

_DUPLICATE, _OTHER_OPTIONS = 11000, {85, 86}
_DAY = 86_400
_BUCKET, _ANSWERED = timedelta(seconds=61), timedelta(seconds=120)
"""How long a bucket is, and how long after its request a row may be answered, at most."""
_JOINED = 1_000
"""Rows whose truths are looked up by one query."""


class PredictionStore(MongoStore):
    """The collections `predictions` and `feedback`. `keep_days`: how long a prediction is kept; 0: for ever."""

    def __init__(self, settings: Settings, keep_days: int = 0) -> None:
        super().__init__(settings)
        self._keep_days = keep_days
        self._aged = False

    @explained
    def insert(self, documents: list[Any]) -> list[tuple[int, str]]:
        """Insert the buckets whose `_id` is not there yet; the places of those that MongoDB refused, and why."""
        from bson.errors import BSONError
        from pymongo.errors import BulkWriteError, DocumentTooLarge

        try:
            self._predictions().insert_many(documents, ordered=False)
        except BulkWriteError as error:
            problems = error.details.get("writeErrors", [])
            if error.details.get("writeConcernErrors") or not problems:
                raise self.explain(error) from error  # not surely written: the caller tries again
            return [(p["index"], str(p.get("errmsg", ""))[:300]) for p in problems if p.get("code") != _DUPLICATE]
        except (BSONError, DocumentTooLarge, OverflowError, UnicodeError) as error:
            if len(documents) == 1:
                return [(0, f"{type(error).__name__}: {error}"[:300])]
            found = (self.insert([document]) for document in documents)
            return [(place, why) for place, refused in enumerate(found) for _, why in refused]
        return []

    def rows(
        self,
        model: str,
        *,
        since: datetime,
        until: datetime | None = None,
        version: str | None = None,
        limit: int | None = None,
    ) -> Iterator[Document]:
        """A model's predictions from `since` up to before `until`, oldest bucket first. Raises StorageError."""
        wanted: Document = {"model": model, "at": {"$gte": since - _BUCKET} | ({"$lt": until} if until else {})}
        if version is not None:
            wanted["version"] = version
        count = 0
        for bucket in self._buckets(wanted, 1):
            for row in rows_of(bucket):
                if row["at"] >= since and (until is None or row["at"] < until):
                    if limit is not None and count >= limit:
                        return
                    count += 1
                    yield row

    def judged(
        self, model: str, *, since: datetime, until: datetime | None = None, version: str | None = None
    ) -> Iterator[Document]:
        """The same for the rows whose truth is known by now, each with its `truth`.

        A truth told by a key is that of the newest row which was asked with the key until then; these come last.
        """
        found = self.rows(model, since=since, until=until, version=version)
        by_key: dict[str, Document] = {}
        while part := list(islice(found, _JOINED)):
            truths = self._truths(part)
            for row in part:
                request, key = _feedback_ids(row)
                if request in truths:
                    yield {**row, "truth": truths[request]["truth"]}
                elif key in truths and truths[key]["updated_at"] >= row["at"]:
                    newest = by_key.get(key, row)
                    by_key[key] = {**max(newest, row, key=lambda one: one["at"]), "truth": truths[key]["truth"]}
        yield from by_key.values()

    @explained
    def _truths(self, rows: list[Document]) -> dict[str, Document]:
        identities = [identity for row in rows for identity in _feedback_ids(row) if identity]
        found = self.collection("feedback").find({"_id": {"$in": identities}}, {"truth": 1, "updated_at": 1})
        return {document["_id"]: document for document in found}

    def find(self, model: str, limit: int = 100, before: datetime | None = None) -> list[Document]:
        """A model's predictions, newest first."""
        found: list[Document] = []
        for bucket in self._buckets({"model": model} | ({"at": {"$lt": before}} if before else {}), -1):
            if len(found) >= limit and bucket["at"] + _BUCKET < found[limit - 1]["at"]:
                break
            found += [row for row in rows_of(bucket) if before is None or row["at"] < before]
            found.sort(key=lambda row: row["at"], reverse=True)
        return found[:limit]

    @explained
    def by_request(self, request_id: str, row: int, made: datetime | None) -> Document | None:
        """The row of a request; `made` is the time that the service's own ids begin with."""
        ways: list[Document] = [{"given_ids": request_id}]
        if made is not None:
            ways.append({"at": {"$gte": made - _BUCKET, "$lte": made + _ANSWERED}, "until": {"$gte": made}})
        for way in ways:
            for bucket in self._predictions().find({**way, "request_ids": request_id}):
                found = (r for r in rows_of(bucket) if r["request_id"] == request_id and r["row"] == row)
                if (one := next(found, None)) is not None:
                    return one
        return None

    @explained
    def by_key(self, model: str, key: str) -> Document | None:
        """The newest row of a model that was asked with this key."""
        buckets = self._predictions().find({"keys": key, "model": model}).sort("at", -1).limit(2)
        found = [row for bucket in buckets for row in rows_of(bucket) if row["key"] == key]
        return max(found, key=lambda row: row["at"], default=None)

    @explained
    def record_feedback(self, document: Document) -> bool:
        """Keep the truth under its `_id`, in place of an earlier one; whether it is the first."""
        now = datetime.now(UTC)
        values = {name: value for name, value in document.items() if name != "_id"}
        written = self.collection("feedback").update_one(
            {"_id": document["_id"]},
            {"$set": {**values, "updated_at": now}, "$setOnInsert": {"created_at": now}},
            upsert=True,
        )
        return written.upserted_id is not None

    def _buckets(self, wanted: Document, order: int) -> Iterator[Document]:
        from pymongo.errors import PyMongoError

        try:
            yield from self._predictions().find(wanted).sort("at", order).batch_size(20)
        except PyMongoError as error:
            raise self.explain(error) from error

    def _predictions(self) -> Collection[Document]:
        collection = self.collection("predictions")
        if not self._aged:
            self._set_age(collection)
            self._aged = True
        return collection

    def _set_age(self, collection: Collection[Document]) -> None:
        """Let MongoDB remove what is older than `keep_days`; the setting may have changed since the last start."""
        from pymongo.errors import OperationFailure

        present = collection.index_information().get("age", {}).get("expireAfterSeconds")
        wanted = self._keep_days * _DAY if self._keep_days else None
        if present == wanted:
            return
        try:
            if present is not None:
                collection.drop_index("age")
            if wanted is not None:
                collection.create_index([("until", 1)], name="age", expireAfterSeconds=wanted)
        except OperationFailure as error:  # another worker did the same at the same moment
            if error.code not in _OTHER_OPTIONS | {27}:
                raise


def rows_of(bucket: Document) -> Iterator[Document]:
    """The rows of a bucket, in the order in which they were answered."""
    keys = bucket.get("keys") or [None] * bucket["count"]
    names = list(bucket["features"])
    columns = [bucket["features"][name] for name in names]
    for place in range(bucket["count"]):
        identity, row = bucket["request_ids"][place], bucket["rows"][place]
        yield {
            "_id": f"{identity}/{row}",
            "at": bucket["times"][place],
            "request_id": identity,
            "row": row,
            "model": bucket["model"],
            "version": bucket["version"],
            "variant": bucket["variant"],
            "key": keys[place],
            "caller": bucket["callers"][place],
            "latency_ms": bucket["latency_ms"][place],
            "features": {name: column[place] for name, column in zip(names, columns, strict=True)},
            "output": bucket["outputs"][place],
        }


def _feedback_ids(row: Document) -> tuple[str, str]:
    """The ids under which the truth of a row may have been told: by its request, and by its key ('' without one)."""
    return f"request/{row['request_id']}/{row['row']}", f"key/{row['model']}/{row['key']}" if row["key"] else ""
