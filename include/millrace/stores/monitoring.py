"""What the checks found, and who may set off a retraining, on MongoDB."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from millrace.stores.mongo import Document, MongoStore, explained


class MonitoringStore(MongoStore):
    """The collections `monitoring_reports` and `retrainings`."""

    @explained
    def keep(self, report: Document) -> None:
        """Keep a check's report; `_id` is the check's run id, so that a repeated check has one."""
        self.collection("monitoring_reports").replace_one({"_id": report["_id"]}, report, upsert=True)

    @explained
    def forget_pages(self, run_ids: list[str]) -> None:
        """Take out of reports the addresses of pages that are not kept any more; all figures stay."""
        reports = self.collection("monitoring_reports")
        for report in reports.find({"_id": {"$in": run_ids}}, {"parts": 1}):
            gone: Document = {f"parts.{name}.pages": {} for name in report.get("parts", {})}
            reports.update_one({"_id": report["_id"]}, {"$set": {**gone, "pages_removed": True}})

    @explained
    def reports(self, pipeline: str, limit: int = 20, before: datetime | None = None) -> list[Document]:
        """A pipeline's reports, newest first."""
        wanted: Document = {"pipeline": pipeline} | ({"at": {"$lt": before}} if before else {})
        return list(self.collection("monitoring_reports").find(wanted).sort("at", -1).limit(limit))

    @explained
    def report(self, pipeline: str, run_id: str) -> Document | None:
        """One check's report; None where there is none of this pipeline."""
        return self.collection("monitoring_reports").find_one({"_id": run_id, "pipeline": pipeline})

    @explained
    def claim_retraining(self, pipeline: str, run_id: str, cooldown: timedelta, about: Document) -> bool:
        """Whether this check may set off a retraining: one check can, once in a cooldown.

        The same check is told yes again, so that one that died before it could say so loses nothing.
        """
        from pymongo.errors import DuplicateKeyError

        now, claims = datetime.now(UTC), self.collection("retrainings")
        if claims.find_one({"_id": pipeline, "claimed_by": run_id}) is not None:
            return True
        over = {"_id": pipeline, "claimed_at": {"$lte": now - cooldown}}
        claim = {"$set": {**about, "claimed_by": run_id, "claimed_at": now}, "$inc": {"count": 1}}
        try:
            claims.update_one(over, claim, upsert=True)
        except DuplicateKeyError:
            return False
        return True

    @explained
    def last_retraining(self, pipeline: str) -> Document | None:
        """Who set off the last retraining, and when."""
        return self.collection("retrainings").find_one({"_id": pipeline})
