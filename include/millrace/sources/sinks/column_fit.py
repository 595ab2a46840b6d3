"""Finds the column of a database's table that would not keep the data's values as they are.

Databases are obliging: one rounds a fraction that goes into a column of integers, another makes a text of a number.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from millrace.tables.arrow_types import family
from millrace.tables.spool import Spool

_NO_TEXT = ("integer", "number", "boolean")
"""Times may be text: SQLite has no other place for them."""


@dataclass(frozen=True)
class Misfit:
    """A column that would change values: what it holds in the database, and what the data has."""

    column: str
    there: str
    found: str


def misfit(table: sa.Table, spool: Spool) -> Misfit | None:
    """The first column of the data that the table would not keep as it is, if there is one."""
    for field in spool.schema():
        there, kind = table.columns[field.name].type, family(field.type)
        if isinstance(there, sa.String) and kind in _NO_TEXT:
            return Misfit(field.name, "text", "truth values" if kind == "boolean" else "numbers")
        if isinstance(there, sa.Integer) and kind == "number" and _has_fraction(spool, field.name):
            return Misfit(field.name, "of whole numbers", "fractions")
    return None


def _has_fraction(spool: Spool, name: str) -> bool:
    return any(_any_fraction(table[name]) for table in spool.tables())


def _any_fraction(values: pa.ChunkedArray) -> bool:
    return bool(pc.any(pc.not_equal(pc.floor(values), values)).as_py())
