"""The record of every change, on MongoDB: it can be added to and read, and nothing else."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from millrace.stores.mongo import Document, MongoStore, explained


class MongoAuditLog(MongoStore):
    """The audit log of one installation."""

    @explained
    def append(self, entry: Document) -> None:
        """Add an entry; when it happened is now."""
        self.collection("audit_log").insert_one({**entry, "_id": uuid.uuid4().hex, "at": datetime.now(UTC)})

    @explained
    def entries(
        self, limit: int, before: datetime | None = None, who: str | None = None, action: str | None = None
    ) -> list[Document]:
        """Entries, newest first."""
        wanted: Document = {name: value for name, value in (("who", who), ("action", action)) if value is not None}
        if before is not None:
            wanted["at"] = {"$lt": before}
        return list(self.collection("audit_log").find(wanted).sort("at", -1).limit(limit))
