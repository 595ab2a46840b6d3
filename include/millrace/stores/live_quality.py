"""What the checks of live quality remember from one to the next, on MongoDB: one document a model."""

from __future__ import annotations

from datetime import datetime

from millrace.stores.mongo import MongoStore, explained


class LiveQualityStore(MongoStore):
    """The collection `live_quality`."""

    @explained
    def note(self, model: str, version: str, at: datetime, *, fallen: bool) -> int:
        """Count a check of this version; how many in a row have found it fallen. The same check counts once."""
        from pymongo import ReturnDocument

        states = self.collection("live_quality")
        kept = states.find_one({"_id": model}) or {}
        if kept.get("version") == version and kept.get("at") == at:
            return int(kept["strikes"])
        strikes = int(kept["strikes"]) + 1 if fallen and kept.get("version") == version else int(fallen)
        values = {"version": version, "at": at, "strikes": strikes}
        noted = states.find_one_and_update(
            {"_id": model}, {"$set": values}, upsert=True, return_document=ReturnDocument.AFTER
        )
        return int(noted["strikes"]) if noted else strikes
