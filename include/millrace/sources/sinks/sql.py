"""Writes a table to a database, exactly once for a data interval."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, SecretStr, model_validator

from millrace.sources.base import Delivery, Sink

if TYPE_CHECKING:
    import pandas as pd


class SqlSink(Sink):
    """A database table, which is made when it is not there; every write is one transaction."""

    type: Literal["sql"] = "sql"
    url: SecretStr = Field(description="SQLAlchemy address, e.g. postgresql://user:password@host/database.")
    table: str = Field(min_length=1, description="Name of the table; `schema.table` is allowed.")
    mode: Literal["append", "replace", "merge"] = Field(
        default="append",
        description="append: add, once for an interval; replace: the whole table; merge: update or insert by key.",
    )
    key: list[str] = Field(default_factory=list, description="mode merge: the columns that tell rows apart.")

    @model_validator(mode="after")
    def _key_for_merge(self) -> SqlSink:
        if (self.mode == "merge") != bool(self.key):
            raise ValueError("mode: merge needs a key: [columns]; the other modes have none.")
        return self

    def write(self, frames: Iterable[pd.DataFrame], delivery: Delivery) -> dict[str, Any]:
        """Write the table in one transaction; the same delivery again leaves the same rows."""
        from millrace.sources.sinks.sql_writing import write_table

        return write_table(self, frames, delivery)
