"""A table from a MongoDB collection: nested documents become dotted columns, lists JSON text."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, SecretStr

from millrace.connections import mongo_client
from millrace.settings import get_settings
from millrace.sources.base import Reading, Source
from millrace.strict import StrictModel

if TYPE_CHECKING:
    import pandas as pd
    from pymongo import MongoClient

_CHUNK_ROWS = 20_000
"""Documents are dicts on their way in, which take far more room than columns."""


class MongoAccess(StrictModel):
    """A server, a database and a collection; the platform's own server where no address is given."""

    uri: SecretStr | None = Field(default=None, description="mongodb://…; default: the platform's server.")
    database: str | None = Field(default=None, description="Default: the platform's database.")
    collection: str = Field(min_length=1, description="Name of the collection.")

    def client(self) -> MongoClient[dict[str, Any]]:
        """A client of the server."""
        settings = get_settings()
        return mongo_client(settings.model_copy(update={"mongodb_uri": self.uri}) if self.uri else settings)

    @property
    def database_name(self) -> str:
        """The database in force."""
        return self.database or get_settings().mongodb_database


class MongoDbSource(Source, MongoAccess):
    """The documents of a collection that fit a filter, in the order of their `_id`."""

    type: Literal["mongodb"] = "mongodb"
    filter: dict[str, Any] = Field(default_factory=dict, description="A MongoDB filter.")
    projection: list[str] | dict[str, Any] | None = Field(
        default=None, description="The fields to read, or a MongoDB projection; default: all but _id."
    )

    def read(self, reading: Reading) -> Iterator[pd.DataFrame]:
        """Yield the documents; the data interval is part of the query where the collection holds the time."""
        from millrace.sources.mongodb_reading import read_collection

        yield from read_collection(self, reading)

    def query(self, reading: Reading) -> dict[str, Any]:
        """The filter, and the run's data interval where it can be asked of the server."""
        wanted: dict[str, Any] = bson_times(self.filter)
        made_later = self.timestamp is not None and self.interval and self.interval.column == self.timestamp.as_
        if reading.interval is None or self.interval is None or made_later:
            return wanted
        start, end = reading.interval.start - self.interval.lookback, reading.interval.end
        within = {self.interval.column: {"$gte": start, "$lt": end}}
        return {"$and": [wanted, within]} if wanted else within

    def fields(self) -> dict[str, Any]:
        """The projection in force."""
        if isinstance(self.projection, list):
            return {"_id": 0, **dict.fromkeys(self.projection, 1)}
        return {"_id": 0} if self.projection is None else dict(self.projection)


def bson_times(value: Any) -> Any:
    """A filter's value with dates as UTC-aware times, which MongoDB keeps."""
    if isinstance(value, dict):
        return {key: bson_times(item) for key, item in value.items()}
    if isinstance(value, list):
        return [bson_times(item) for item in value]
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    return value
