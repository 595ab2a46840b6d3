"""A table from a database: a query, or a whole table, read in chunks on the server's side."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from pydantic import Field, SecretStr, model_validator

from millrace.sources.base import Reading, Source

if TYPE_CHECKING:
    import pandas as pd


class SqlSource(Source):
    """A query by SQLAlchemy. It may name the parameters :start and :end, the ends of the run's data interval."""

    type: Literal["sql"] = "sql"
    url: SecretStr = Field(description="SQLAlchemy address, e.g. postgresql://user:password@host/database.")
    query: str | None = Field(default=None, description="SELECT …, may use :start and :end.")
    table: str | None = Field(default=None, description="A whole table instead of a query; `schema.table` is allowed.")

    @model_validator(mode="after")
    def _one_of_two(self) -> SqlSource:
        if (self.query is None) == (self.table is None):
            raise ValueError("A sql source needs either a query or a table, and not both.")
        return self

    def read(self, reading: Reading) -> Iterator[pd.DataFrame]:
        """Yield the query's rows in the order in which the database gives them."""
        from millrace.sources.sql_reading import read_query

        yield from read_query(self, reading)
