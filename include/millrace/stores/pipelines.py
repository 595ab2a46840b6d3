"""The specs of pipelines that were made through the API, on MongoDB: every version, one document each.

A version is only ever added, by the number that follows the one its writer saw; so two writers never undo each other
unseen, and retiring a pipeline or going back to an earlier text is a version too.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

from pydantic import Field

from millrace.errors import ConflictError, NotFoundError
from millrace.stores.mongo import Document, MongoStore, explained
from millrace.strict import StrictModel

_WITHOUT_TEXT = {"text": 0}


class SpecVersion(StrictModel):
    """One version of a pipeline's spec."""

    pipeline: str
    version: int = Field(ge=1, description="Grows by one with each change.")
    text: str = Field(default="", description="As it was written; a retired pipeline keeps its last text.")
    sha256: str = Field(description="Of the text in UTF-8.")
    spec_version: str = Field(description="The hash of its meaning, as run records name it.")
    retired: bool = False
    note: str = ""
    by: str
    at: datetime

    def about(self) -> dict[str, Any]:
        """All but the text, as JSON."""
        return self.model_dump(mode="json", exclude={"text"})


class MongoPipelines(MongoStore):
    """The made pipelines of one installation."""

    @explained
    def newest(self, name: str) -> SpecVersion | None:
        """The newest version of a pipeline, which may be that it is retired; None where there never was one."""
        found = self.collection("pipelines").find({"pipeline": name}).sort("version", -1).limit(1)
        return next((_version(document) for document in found), None)

    @explained
    def version(self, name: str, number: int) -> SpecVersion:
        """One version. Raises NotFoundError."""
        found = self.collection("pipelines").find_one({"_id": f"{name}/{number}"})
        if found is None:
            raise NotFoundError(f"The pipeline '{name}' has no version {number}.", hint="Look at its versions.")
        return _version(found)

    @explained
    def versions(self, name: str, limit: int = 100, before: int | None = None) -> list[SpecVersion]:
        """The versions of a pipeline without their texts, newest first; `before` asks for those older than one."""
        wanted: Document = {"pipeline": name} | ({"version": {"$lt": before}} if before is not None else {})
        found = self.collection("pipelines").find(wanted, _WITHOUT_TEXT).sort("version", -1).limit(limit)
        return [_version(document) for document in found]

    @explained
    def present(self) -> list[SpecVersion]:
        """The newest version of each pipeline that is not retired, without its text, by name."""
        newest = self.collection("pipelines").aggregate(
            [
                {"$project": _WITHOUT_TEXT},
                {"$sort": {"pipeline": 1, "version": -1}},
                {"$group": {"_id": "$pipeline", "newest": {"$first": "$$ROOT"}}},
            ]
        )
        versions = [_version(group["newest"]) for group in newest]
        return sorted((found for found in versions if not found.retired), key=lambda found: found.pipeline)

    @explained
    def add(self, version: SpecVersion) -> None:
        """Add the version that follows the newest. Raises ConflictError where somebody was first."""
        from pymongo.errors import DuplicateKeyError

        key = f"{version.pipeline}/{version.version}"
        try:
            self.collection("pipelines").insert_one({"_id": key, **version.model_dump()})
        except DuplicateKeyError:
            raise ConflictError(
                f"The pipeline '{version.pipeline}' was changed by somebody else meanwhile.", hint="Look, then repeat."
            ) from None


def now() -> datetime:
    """The present moment as MongoDB keeps it."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def digest(text: str) -> str:
    """The SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def _version(found: Document) -> SpecVersion:
    return SpecVersion.model_validate({key: value for key, value in found.items() if key != "_id"})
