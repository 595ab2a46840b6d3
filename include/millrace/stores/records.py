"""The platform's records beside the runs: datasets, validations, experiments, models and decisions, one document each.

Every record is a replacement by its natural key, so that a stage that runs twice leaves one record.
"""

from __future__ import annotations

from datetime import UTC, datetime

from millrace.stores.mongo import Document, MongoStore, explained


class MongoRecords(MongoStore):
    """Records kept for people and for lineage."""

    def record_dataset(self, document: Document) -> None:
        """Keep a dataset version's record; the key is `pipeline` and `version`."""
        self._record("datasets", f"{document['pipeline']}/{document['version']}", document)

    def record_validation(self, document: Document) -> None:
        """Keep a validation's outcome; the key is `run_id`."""
        self._record("data_validations", document["run_id"], document)

    def record_experiment(self, document: Document) -> None:
        """Keep a run's comparison of candidates; the key is `run_id`."""
        self._record("experiments", document["run_id"], document)

    def record_model(self, document: Document) -> None:
        """Keep a model version's lineage; the key is `name` and `version`."""
        self._record("models", f"{document['name']}/{document['version']}", document)

    @explained
    def model_record(self, name: str, version: str) -> Document | None:
        """What `record_model` kept of a version; None for an unknown one."""
        return self.collection("models").find_one({"_id": f"{name}/{version}"})

    def record_decision(self, document: Document) -> None:
        """Keep why a version became champion, or did not; the key is `_id`, which names the occasion."""
        self._record("decisions", document["_id"], {"at": datetime.now(UTC), **document})

    @explained
    def decisions(self, model: str, limit: int = 20, before: datetime | None = None) -> list[Document]:
        """The decisions about a model's versions, newest first; `before` asks for those older than a moment."""
        wanted: Document = {"model": model} | ({"at": {"$lt": before}} if before else {})
        return list(self.collection("decisions").find(wanted).sort("at", -1).limit(limit))

    @explained
    def _record(self, collection: str, key: str, document: Document) -> None:
        values = {name: value for name, value in document.items() if name not in {"_id", "created_at"}}
        self.collection(collection).update_one(
            {"_id": key},
            {"$set": values, "$setOnInsert": {"created_at": document.get("created_at", datetime.now(UTC))}},
            upsert=True,
        )
