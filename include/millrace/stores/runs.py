"""The run records on MongoDB: one document a run, each stage a subdocument that one attempt owns at a time.

Writers set single fields, so that two of them never lose each other's stage; an attempt that was taken over by a later
one is refused.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from millrace.errors import ConflictError, NotFoundError
from millrace.stores.forecasts import MongoForecasts
from millrace.stores.locks import MongoLocks
from millrace.stores.mongo import Document, explained
from millrace.stores.records import MongoRecords

RUNNING, SUCCESS, FAILED, KILLED = "running", "success", "failed", "killed"
_LISTED = {
    "spec": 0,
    "stages.evaluate.output": 0,
    "stages.validate.output": 0,
    "stages.transform.output.profile": 0,
    "stages.forecast.output.allocation": 0,
}


class MongoRunStore(MongoLocks, MongoRecords, MongoForecasts):
    """The run store of one installation; see `stores.base.RunStore`."""

    @explained
    def create_run(self, run: Document) -> bool:
        """Insert the run's document; False when it exists, which is then left as it is."""
        from pymongo.errors import DuplicateKeyError

        try:
            self.collection("pipeline_runs").insert_one(dict(run))
        except DuplicateKeyError:
            return False
        return True

    @explained
    def get_run(self, run_id: str) -> Document:
        """The run's document. Raises NotFoundError."""
        document = self.collection("pipeline_runs").find_one({"_id": run_id})
        if document is None:
            raise _no_such_run(run_id)
        return document

    @explained
    def start_stage(self, run_id: str, stage: str) -> str:
        """Mark a stage as running; returns the attempt's token. Reopens a run that had ended."""
        token, now, path = uuid.uuid4().hex, datetime.now(UTC), f"stages.{stage}"
        started = {"status": RUNNING, "token": token, "started_at": now, "error": None, "warnings": []}
        updated = self.collection("pipeline_runs").update_one(
            {"_id": run_id},
            {
                "$set": {
                    **{f"{path}.{name}": value for name, value in started.items()},
                    "status": RUNNING,
                    "error": None,
                    "finished_at": None,
                },
                "$inc": {f"{path}.attempt": 1},
                "$unset": {f"{path}.{name}": "" for name in ("finished_at", "seconds", "output", "reused")},
                "$min": {"started_at": now},
            },
        )
        if not updated.matched_count:
            raise _no_such_run(run_id)
        return token

    @explained
    def finish_stage(self, run_id: str, stage: str, token: str, fields: Document) -> None:
        """Set the stage's outcome, and keep a reusable output. Raises ConflictError for an attempt taken over."""
        path = f"stages.{stage}"
        values = {**fields, "finished_at": datetime.now(UTC)}
        updated = self.collection("pipeline_runs").update_one(
            {"_id": run_id, f"{path}.token": token}, {"$set": {f"{path}.{key}": value for key, value in values.items()}}
        )
        if not updated.matched_count:
            raise ConflictError(
                f"Another attempt has taken over the stage {stage} of {run_id}; this one's outcome was not written.",
                hint="Look at the newer attempt.",
            )
        if fields.get("cache_key") and fields["status"] == SUCCESS and not fields.get("reused"):
            self._keep_output(run_id, stage, fields)

    @explained
    def finish_run(self, run_id: str, status: str, error: Document | None = None) -> None:
        """Close the run as success or failed."""
        values = {"status": status, "error": error, "finished_at": datetime.now(UTC)}
        if not self.collection("pipeline_runs").update_one({"_id": run_id}, {"$set": values}).matched_count:
            raise _no_such_run(run_id)

    @explained
    def mark_stage_killed(self, run_id: str, stage: str, error: Document) -> bool:
        """Record that a stage's process died without a word; False when the stage had ended by itself."""
        path, now = f"stages.{stage}", datetime.now(UTC)
        values = {"status": KILLED, "error": error, "finished_at": now}
        updated = self.collection("pipeline_runs").update_one(
            {"_id": run_id, f"{path}.status": RUNNING},
            {
                "$set": {f"{path}.{key}": value for key, value in values.items()},
                "$push": {f"{path}.deaths": {"at": now, **error}},  # the next attempt starts afresh, but keeps these
            },
        )
        return bool(updated.modified_count)

    @explained
    def find_runs(
        self, pipeline: str | None = None, status: str | None = None, limit: int = 20, before: datetime | None = None
    ) -> list[Document]:
        """Run documents, newest first, without their spec and longest outputs."""
        wanted: Document = {}
        if pipeline is not None:
            wanted["pipeline"] = pipeline
        if status is not None:
            wanted["status"] = status
        if before is not None:
            wanted["created_at"] = {"$lt": before}
        return list(self.collection("pipeline_runs").find(wanted, _LISTED).sort("created_at", -1).limit(limit))

    @explained
    def previous_dataset(self, pipeline: str, before_run_id: str) -> Document | None:
        """The dataset of the newest other run of this pipeline whose extract and validate succeeded."""
        wanted = {
            "pipeline": pipeline,
            "_id": {"$ne": before_run_id},
            "stages.extract.status": SUCCESS,
            "stages.validate.status": SUCCESS,
        }
        newest = self.collection("pipeline_runs").find(wanted, {"stages.extract.output.dataset": 1})
        for document in newest.sort("created_at", -1).limit(1):
            dataset: Document = document["stages"]["extract"]["output"]["dataset"]
            return dataset
        return None

    @explained
    def cached_output(self, stage: str, key: str) -> Document | None:
        """`{"output", "warnings", "run_id"}` of the stage with this cache key, from any run."""
        return self.collection("stage_cache").find_one({"_id": f"{stage}/{key}"})

    def _keep_output(self, run_id: str, stage: str, fields: Document) -> None:
        kept: dict[str, Any] = {
            "run_id": run_id,
            "output": fields["output"],
            "warnings": fields.get("warnings", []),
            "created_at": datetime.now(UTC),
        }
        self.collection("stage_cache").replace_one({"_id": f"{stage}/{fields['cache_key']}"}, kept, upsert=True)


def last_heard_of(run: Document) -> datetime:
    """When something was last written about a run."""
    times: list[datetime | None] = [run.get(key) for key in ("created_at", "started_at", "finished_at")]
    times += [stage.get(key) for stage in run["stages"].values() for key in ("started_at", "finished_at")]
    return max(moment for moment in times if moment is not None)


def _no_such_run(run_id: str) -> NotFoundError:
    return NotFoundError(f"There is no run '{run_id}'.", hint="'millrace runs list' shows the runs.")
