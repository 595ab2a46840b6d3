"""The predictions and what turned out to be true, on MongoDB: written by the service, read by monitoring."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from millrace.settings import Settings
from millrace.stores.mongo import Document, MongoStore, explained

if TYPE_CHECKING:
    from pymongo.collection import Collection

_DUPLICATE, _OTHER_OPTIONS = 11000, {85, 86}
_DAY = 86_400
_JOINED = 1_000
"""Predictions whose truths are looked up by one query."""


class PredictionStore(MongoStore):
    """The collections `predictions` and `feedback`. `keep_days`: how long a prediction is kept; 0: for ever."""

    def __init__(self, settings: Settings, keep_days: int = 0) -> None:
        super().__init__(settings)
        self._keep_days = keep_days
        self._aged = False

    @explained
    def insert(self, documents: list[Any]) -> list[tuple[int, str]]:
        """Insert those whose `_id` is not there yet; the places of those that MongoDB refused, and why."""
        from pymongo.errors import BulkWriteError

        predictions = self._predictions()
        try:
            predictions.insert_many(documents, ordered=False)
        except BulkWriteError as error:
            problems = error.details.get("writeErrors", [])
            if error.details.get("writeConcernErrors") or not problems:
                raise self.explain(error) from error  # not surely written: the caller tries again
            return [(p["index"], str(p.get("errmsg", ""))[:300]) for p in problems if p.get("code") != _DUPLICATE]
        return []

    @explained
    def find(self, model: str, limit: int = 100, before: datetime | None = None) -> list[Document]:
        """A model's predictions, newest first."""
        wanted: Document = {"model": model} | ({"at": {"$lt": before}} if before else {})
        return list(self._predictions().find(wanted).sort("at", -1).limit(limit))

    def rows(
        self,
        model: str,
        *,
        since: datetime,
        until: datetime | None = None,
        version: str | None = None,
        limit: int | None = None,
    ) -> Iterator[Document]:
        """A model's predictions from `since` on, before `until`, newest first, one document a row."""
        from pymongo.errors import PyMongoError

        wanted: Document = {"model": model, "at": {"$gte": since, **({"$lt": until} if until else {})}}
        if version is not None:
            wanted["version"] = version
        try:
            yield from self._predictions().find(wanted).sort("at", -1).limit(limit or 0)
        except PyMongoError as error:
            raise self.explain(error) from error

    def judged(
        self, model: str, *, since: datetime, until: datetime | None = None, version: str | None = None
    ) -> Iterator[Document]:
        """The same for those whose truth is known by now, each with its `truth`.

        A truth told by a key is that of the newest prediction which was asked with the key until then.
        """
        found = self.rows(model, since=since, until=until, version=version)
        settled: set[str] = set()
        while part := list(islice(found, _JOINED)):
            truths = self._truths(part)
            for row in part:
                feedback = _feedback_on(row, truths)
                if feedback is not None and feedback["_id"] not in settled:
                    settled.add(feedback["_id"])
                    yield {**row, "truth": feedback["truth"]}

    @explained
    def _truths(self, predictions: list[Document]) -> dict[str, Document]:
        identities = [identity for row in predictions for identity in _feedback_ids(row)]
        found = self.collection("feedback").find({"_id": {"$in": identities}}, {"truth": 1, "updated_at": 1})
        return {document["_id"]: document for document in found}

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

    @explained
    def newest(self, wanted: Document) -> Document | None:
        """The newest prediction with these fields: `request_id` and `row`, or `model` and `key`."""
        return self._predictions().find_one(wanted, sort=[("at", -1)])

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
                collection.create_index([("at", 1)], name="age", expireAfterSeconds=wanted)
        except OperationFailure as error:  # another worker did the same at the same moment
            if error.code not in _OTHER_OPTIONS | {27}:
                raise


def _feedback_on(row: Document, truths: dict[str, Document]) -> Document | None:
    found = [truths[identity] for identity in _feedback_ids(row) if identity in truths]
    return next((told for told in found if told["updated_at"] >= row["at"]), None)


def _feedback_ids(row: Document) -> list[str]:
    """The ids under which the truth of a prediction may have been told."""
    named = [f"request/{row['request_id']}/{row.get('row', 0)}"] if row.get("request_id") else []
    return [*named, f"key/{row['model']}/{row['key']}"] if row.get("key") else named
