"""The alerts on MongoDB: one active document for each thing that is wrong, and what must still be told about it.

An alert's news stand in its own document until they are delivered, so that none is lost between two writes.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from pydantic import Field

from millrace.errors import ConflictError, NotFoundError
from millrace.stores.mongo import Document, MongoStore, explained
from millrace.strict import StrictModel

Severity = Literal["warning", "critical"]
OPEN, ACKNOWLEDGED, RESOLVED = "open", "acknowledged", "resolved"
OPENED, WORSENED, ENDED = "opened", "worsened", "resolved"
PENDING, SENT, FAILED = "pending", "sent", "failed"
_LEASE = timedelta(minutes=2)


class Finding(StrictModel):
    """Something that is wrong with a pipeline: `kind` and `subject` say what, so that it is told once."""

    kind: str = Field(description="data_drift, prediction_drift, missing_values, live_quality, ...")
    subject: str = Field(description="A column, a metric, or a part of the pipeline.")
    severity: Severity = "warning"
    message: str = Field(description="One sentence for people.")
    details: dict[str, Any] = Field(default_factory=dict, description="Small JSON for programs.")


class AlertStore(MongoStore):
    """The collection `alerts`."""

    @explained
    def note(self, pipeline: str, finding: Finding, channels: list[str], source: str) -> Document:
        """Open an alert, or bring the active one about the same thing up to date; `source` is who found it."""
        from pymongo.errors import DuplicateKeyError

        try:
            return self._note(pipeline, finding, channels, source)
        except DuplicateKeyError:  # another writer opened it between our look and our write
            return self._note(pipeline, finding, channels, source)

    def _note(self, pipeline: str, finding: Finding, channels: list[str], source: str) -> Document:
        from pymongo import ReturnDocument

        now, slot = datetime.now(UTC), f"{pipeline}/{finding.kind}/{finding.subject}"
        seen = {**finding.model_dump(mode="json"), "pipeline": pipeline, "last_seen_at": now, "last_source": source}
        first = {"_id": uuid.uuid4().hex, "status": OPEN, "opened_at": now, "news": _news(OPENED, channels, now)}
        found = self.collection("alerts").find_one_and_update(
            {"slot": slot},
            {"$set": seen, "$setOnInsert": first, "$inc": {"times_seen": 1}},
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        # The embedded server may give nothing back when two writers open the same alert at one moment.
        document: Document = found or self.collection("alerts").find_one({"slot": slot}) or {**seen, **first}
        if finding.severity == "critical":
            self._worsen(document, channels, now)
        return document

    def _worsen(self, document: Document, channels: list[str], now: datetime) -> None:
        """Tell once that an alert has become critical; one that opened as critical has said so."""
        wanted = {"_id": document["_id"], "told_critical": {"$ne": True}}
        change: Document = {"$set": {"told_critical": True}}
        if document["times_seen"] > 1:
            change["$push"] = {"news": {"$each": _news(WORSENED, channels, now)}}
        self.collection("alerts").update_one(wanted, change)

    @explained
    def acknowledge(self, alert_id: str, by: str) -> Document:
        """Mark that a person knows. Repeating it changes nothing. Raises NotFoundError, ConflictError."""
        change = {"status": ACKNOWLEDGED, "acknowledged_at": datetime.now(UTC), "acknowledged_by": by}
        self.collection("alerts").update_one({"_id": alert_id, "status": OPEN}, {"$set": change})
        document = self.get(alert_id)
        if document["status"] == RESOLVED:
            raise ConflictError(f"The alert {alert_id} is resolved already.", hint="A new one opens if it comes back.")
        return document

    @explained
    def resolve(self, alert_id: str, by: str, reason: str, channels: list[str]) -> Document:
        """End an alert; a later finding opens a new one. Repeating it changes nothing. Raises NotFoundError."""
        now = datetime.now(UTC)
        ended = {"status": RESOLVED, "resolved_at": now, "resolved_by": by, "resolved_reason": reason}
        self.collection("alerts").update_one(
            {"_id": alert_id, "status": {"$ne": RESOLVED}},
            {"$set": ended, "$unset": {"slot": ""}, "$push": {"news": {"$each": _news(ENDED, channels, now)}}},
        )
        return self.get(alert_id)

    @explained
    def get(self, alert_id: str) -> Document:
        """One alert. Raises NotFoundError."""
        document = self.collection("alerts").find_one({"_id": alert_id})
        if document is None:
            raise NotFoundError(f"There is no alert '{alert_id}'.", hint="'millrace alerts list' shows the alerts.")
        return document

    @explained
    def find(
        self,
        pipeline: str | None = None,
        status: str | None = None,
        limit: int = 50,
        before: datetime | None = None,
    ) -> list[Document]:
        """Alerts, the newest first; `status` may be `active`: open or acknowledged."""
        wanted: Document = {} if pipeline is None else {"pipeline": pipeline}
        if status is not None:
            wanted["status"] = {"$in": [OPEN, ACKNOWLEDGED]} if status == "active" else status
        if before is not None:
            wanted["opened_at"] = {"$lt": before}
        return list(self.collection("alerts").find(wanted).sort("opened_at", -1).limit(limit))

    @explained
    def active(self, pipeline: str) -> list[Document]:
        """All that is wrong with a pipeline now."""
        return list(self.collection("alerts").find({"pipeline": pipeline, "status": {"$in": [OPEN, ACKNOWLEDGED]}}))

    @explained
    def claim_news(self) -> tuple[Document, Document] | None:
        """The next news that is due, with its alert, for this caller alone for two minutes; None when none is due."""
        now = datetime.now(UTC)
        due = {"news": {"$elemMatch": {"status": PENDING, "next_at": {"$lte": now}}}}
        for document in self.collection("alerts").find(due).sort("opened_at", 1).limit(20):
            for news in document["news"]:
                if news["status"] == PENDING and news["next_at"] <= now and self._claim(document["_id"], news, now):
                    return document, {**news, "attempts": news["attempts"] + 1}
        return None

    def _claim(self, alert_id: str, news: Document, now: datetime) -> bool:
        unchanged = {"id": news["id"], "status": PENDING, "attempts": news["attempts"]}
        change = {"$set": {"news.$.next_at": now + _LEASE}, "$inc": {"news.$.attempts": 1}}
        updated = self.collection("alerts").update_one({"_id": alert_id, "news": {"$elemMatch": unchanged}}, change)
        return bool(updated.modified_count)

    @explained
    def close_news(
        self, alert_id: str, news_id: str, status: str, error: str | None = None, next_at: datetime | None = None
    ) -> None:
        """Keep what became of a delivery: sent, failed for good, or pending until `next_at`."""
        values = {"status": status, "error": error, "next_at": next_at, "ended_at": datetime.now(UTC)}
        change = {f"news.$.{name}": value for name, value in values.items()}
        self.collection("alerts").update_one({"_id": alert_id, "news.id": news_id}, {"$set": change})

    @explained
    def retry_failed(self) -> int:
        """Make every delivery that was given up due again; how many alerts have one."""
        now = datetime.now(UTC)
        # The status comes last: the embedded server looks at the filter again before each of these.
        again = {"$set": {"news.$[lost].next_at": now, "news.$[lost].attempts": 0, "news.$[lost].status": PENDING}}
        updated = self.collection("alerts").update_many(
            {"news.status": FAILED}, again, array_filters=[{"lost.status": FAILED}]
        )
        return int(updated.modified_count)


def _news(event: str, channels: list[str], now: datetime) -> list[Document]:
    return [
        {
            "id": uuid.uuid4().hex,
            "event": event,
            "channel": channel,
            "status": PENDING,
            "attempts": 0,
            "made_at": now,
            "next_at": now,
            "error": None,
        }
        for channel in channels
    ]
