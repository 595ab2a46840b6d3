"""Runs a query and turns its rows into consistently typed frames; the session can only read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import sqlalchemy as sa

from millrace.errors import SourceError, SourceUnavailableError
from millrace.sources.base import Reading
from millrace.sources.formats.checks import check_unique
from millrace.sources.records import mixed_error
from millrace.sources.sql_engine import engine_for, explained
from millrace.tables.arrow_types import MixedColumnError, arrow_column
from millrace.tables.spool import Spool

if TYPE_CHECKING:
    import pandas as pd

    from millrace.sources.sql import SqlSource

_CHUNK_ROWS = 50_000
"""Rows are tuples on their way in, which take far more room than columns."""
_BEGINNING, _END = datetime(1753, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)
"""The bounds of a run without a data interval: every database knows these days."""


def read_query(source: SqlSource, reading: Reading) -> Iterator[pd.DataFrame]:
    """Yield the rows of the source's query. Raises SourceError or SourceUnavailableError."""
    url = source.url.get_secret_value()
    with engine_for(url, SourceError) as engine, Spool() as spool:
        statement, what = _statement(source, reading, engine.dialect)
        reading.origin.update(type="sql", url=engine.url.set(query={}).render_as_string(hide_password=True))
        with explained(url, SourceError, SourceUnavailableError, what):
            _fill(spool, engine, statement, what, min(reading.chunk_rows, _CHUNK_ROWS))
        try:
            yield from spool.frames()
        except MixedColumnError as error:
            raise _mixed(error, what) from error


def _fill(spool: Spool, engine: sa.Engine, statement: Any, what: str, rows: int) -> None:
    options = {"stream_results": True, "max_row_buffer": rows, "postgresql_readonly": True, "millrace_reads": True}
    with engine.connect().execution_options(**options) as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA query_only = ON")
        result = connection.execute(statement)
        if not result.returns_rows:
            raise SourceError(f"{what} gives no rows: it is not a SELECT.", hint="Write a SELECT.")
        names = list(map(str, result.keys()))
        check_unique(names, what)
        for chunk in result.partitions(rows):
            spool.add(_table(chunk, names, spool.rows, what))
        if not spool.rows:
            spool.add(_table([], names, 0, what))


def _table(rows: Sequence[Any], names: list[str], first: int, what: str) -> pa.Table:
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    try:
        return pa.table([arrow_column(list(c), n) for c, n in zip(columns, names, strict=True)], names=names)
    except MixedColumnError as error:
        moved = MixedColumnError(error.column, [(row + first, value) for row, value in error.values])
        raise _mixed(moved, what) from error


def _mixed(error: MixedColumnError, what: str) -> SourceError:
    return mixed_error(error, what[0].lower() + what[1:], f"Cast it in the query: CAST({error.column} AS TEXT).")


def _statement(source: SqlSource, reading: Reading, dialect: sa.Dialect) -> tuple[Any, str]:
    """The statement with the interval bound, and what to call it in a message."""
    if source.table is not None:
        return _whole_table(source, reading, dialect), f"The table {source.table}"
    query = sa.text(str(source.query).strip().rstrip(";"))
    wanted = set(query._bindparams)
    odd = sorted(wanted - {"start", "end"})
    if odd:
        raise SourceError(
            f"The query names the parameter :{odd[0]}.",
            hint="Allowed: :start, :end. Write \\: for a colon that is none.",
        )
    if wanted and reading.interval is None:
        reading.note("The run has no data interval: :start and :end stood for the beginning and the end of time.")
    bounds = _bounds(source, reading, dialect)
    return query.bindparams(**{name: bounds[name] for name in wanted}), "The query"


def _whole_table(source: SqlSource, reading: Reading, dialect: sa.Dialect) -> Any:
    schema, _, name = str(source.table).rpartition(".")
    table = sa.table(name, schema=schema or None)
    statement = sa.select(sa.text("*")).select_from(table)
    if reading.interval is None or source.interval is None or _made_later(source):
        return statement
    bounds = _bounds(source, reading, dialect)
    column: Any = sa.column(source.interval.column)
    return statement.where(column >= bounds["start"], column < bounds["end"])


def _made_later(source: SqlSource) -> bool:
    """Whether the interval's column is the one that `timestamp` makes, which the database does not have."""
    return (
        source.timestamp is not None
        and source.interval is not None
        and (source.interval.column == source.timestamp.as_)
    )


def _bounds(source: SqlSource, reading: Reading, dialect: sa.Dialect) -> dict[str, Any]:
    start, end = _BEGINNING, _END
    if reading.interval is not None:
        lookback = source.interval.lookback if source.interval else None
        start = reading.interval.start - lookback if lookback else reading.interval.start
        end = reading.interval.end
    if dialect.name == "sqlite":  # keeps times as text, without a zone: so must the bounds be
        return {"start": _sqlite_text(start), "end": _sqlite_text(end)}
    return {"start": start, "end": end}


def _sqlite_text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S" + (".%f" if moment.microsecond else ""))
