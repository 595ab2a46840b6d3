"""Writes a table to a MongoDB collection, one document a row, exactly once for a data interval."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, model_validator

from millrace.sources.base import Delivery, Sink
from millrace.sources.mongodb import MongoAccess

if TYPE_CHECKING:
    import pandas as pd


class MongoDbSink(Sink, MongoAccess):
    """A collection. A write that was killed is completed by its repetition."""

    type: Literal["mongodb"] = "mongodb"
    mode: Literal["append", "replace", "merge"] = Field(
        default="append",
        description="append: add, once for an interval; replace: the whole collection; merge: update or insert by key.",
    )
    key: list[str] = Field(default_factory=list, description="mode merge: the fields that tell documents apart.")

    @model_validator(mode="after")
    def _key_for_merge(self) -> MongoDbSink:
        if (self.mode == "merge") != bool(self.key):
            raise ValueError("mode: merge needs a key: [fields]; the other modes have none.")
        return self

    def write(self, frames: Iterable[pd.DataFrame], delivery: Delivery) -> dict[str, Any]:
        """Write the documents; the same delivery again leaves the same collection."""
        from millrace.sources.sinks.mongodb_writing import write_collection

        return write_collection(self, frames, delivery)
