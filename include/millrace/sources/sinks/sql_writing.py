"""Writes a gathered table into a database in one transaction.

A ledger row is taken first: it makes a second writer of the same table wait, and remembers what was delivered. Rows
that were appended carry the delivery's id, so that a repeated interval replaces its own rows and no others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from millrace.errors import SinkError, SinkUnavailableError, did_you_mean
from millrace.sources.base import Delivery
from millrace.sources.sinks.column_fit import misfit
from millrace.sources.sinks.delivery_id import delivery_id
from millrace.sources.sinks.spooling import batches, check_key, gathered
from millrace.sources.sql_engine import engine_for, explained
from millrace.tables.arrow_types import family
from millrace.tables.spool import Spool

if TYPE_CHECKING:
    import pandas as pd

    from millrace.sources.sinks.sql import SqlSink

MARK = "_millrace_delivery"
LEDGER = "millrace_deliveries"
_BATCH = 5_000
_TYPES: dict[str, Callable[[], sa.types.TypeEngine[Any]]] = {
    "integer": sa.BigInteger,
    "number": lambda: sa.Float(53),
    "boolean": sa.Boolean,
    "time": lambda: sa.DateTime(timezone=True),
    "bytes": sa.LargeBinary,
    "text": sa.Text,
    "nothing": sa.Text,
}
_UPSERTS: dict[str, Callable[[sa.Table], Any]] = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}


def write_table(sink: SqlSink, frames: Iterable[pd.DataFrame], delivery: Delivery) -> dict[str, Any]:
    """Write the table as the sink's mode says. Raises SinkError or SinkUnavailableError."""
    url = sink.url.get_secret_value()
    with gathered(frames) as spool, engine_for(url, SinkError, writing=True) as engine:
        if sink.mode == "merge":
            check_key(spool, sink.key)
        with explained(url, SinkError, SinkUnavailableError, f"Writing to the table {sink.table}"):
            _make_ledger(engine, sink.table)
            with engine.begin() as connection:
                _Writer(sink, spool, delivery, connection).write()
        return {"type": "sql", "target": sink.table, "mode": sink.mode, "rows": spool.rows}


class _Writer:
    """One write, within one transaction."""

    def __init__(self, sink: SqlSink, spool: Spool, delivery: Delivery, connection: sa.Connection) -> None:
        self.sink = sink
        self.spool = spool
        self.delivery = delivery
        self.connection = connection
        self.id = delivery_id(delivery)
        schema, _, self.name = sink.table.rpartition(".")
        self.schema = schema or None

    def write(self) -> None:
        """Take the ledger's row, bring the table into shape, write."""
        _take(self.connection, self.sink.table, self.id, self.delivery, self.spool.rows)
        {"append": self._append, "replace": self._replace, "merge": self._merge}[self.sink.mode]()

    def _append(self) -> None:
        table = self._table(marked=True)
        if MARK not in table.columns:
            self._add_mark(table)
            table = self._table(marked=True)
        self.connection.execute(sa.delete(table).where(table.c[MARK] == self.id))
        for rows in self._rows({MARK: self.id}):
            self.connection.execute(table.insert(), rows)

    def _replace(self) -> None:
        table = self._existing()
        same = table is not None and set(table.columns.keys()) == set(self.spool.columns)
        if table is not None and same and misfit(table, self.spool) is None:
            self.connection.execute(sa.delete(table))
        else:
            if table is not None:
                table.drop(self.connection)
            table = self._new(marked=False)
        for rows in self._rows({}):
            self.connection.execute(table.insert(), rows)

    def _merge(self) -> None:
        upsert = _UPSERTS.get(self.connection.dialect.name)
        if upsert is None:
            raise SinkError(
                f"mode: merge cannot be done on {self.connection.dialect.name}.", hint="Allowed: postgresql, sqlite."
            )
        table = self._table(marked=False)
        self._make_unique(table)
        insert = upsert(table)
        others = {name: insert.excluded[name] for name in self.spool.columns if name not in self.sink.key}
        if others:
            statement = insert.on_conflict_do_update(index_elements=self.sink.key, set_=others)
        else:
            statement = insert.on_conflict_do_nothing(index_elements=self.sink.key)
        for rows in self._rows({}):
            self.connection.execute(statement, rows)

    def _existing(self) -> sa.Table | None:
        if not sa.inspect(self.connection).has_table(self.name, schema=self.schema):
            return None
        return sa.Table(self.name, sa.MetaData(), schema=self.schema, autoload_with=self.connection)

    def _table(self, *, marked: bool) -> sa.Table:
        """The table as it is, or made new; it must have every column that is written."""
        table = self._existing()
        if table is None:
            return self._new(marked=marked)
        for name in self.spool.columns:
            if name not in table.columns:
                raise SinkError(
                    f"The table {self.sink.table} has no column '{name}', which the data has.",
                    hint=f"Add it there, or drop it by a transform step. {did_you_mean(name, table.columns.keys())}",
                )
        if odd := misfit(table, self.spool):
            raise SinkError(
                f"The column '{odd.column}' of {self.sink.table} is {odd.there}, and the data has {odd.found} there.",
                hint="Cast it by a transform step, or change the table's column.",
            )
        return table

    def _new(self, *, marked: bool) -> sa.Table:
        keys = set(self.sink.key)
        columns = [
            sa.Column(name, self._type(kind), nullable=name not in keys)
            for name, kind in zip(self.spool.schema().names, self.spool.schema().types, strict=True)
        ]
        if marked:
            columns.append(sa.Column(MARK, sa.Text, index=True))
        table = sa.Table(self.name, sa.MetaData(), *columns, schema=self.schema)
        table.create(self.connection)
        return table

    def _type(self, kind: Any) -> sa.types.TypeEngine[Any]:
        return _TYPES[family(kind)]()

    def _add_mark(self, table: sa.Table) -> None:
        """An existing table that was not made here: its own rows have no mark and are never touched."""
        quoted = self.connection.dialect.identifier_preparer.format_table(table)
        self.connection.exec_driver_sql(f"ALTER TABLE {quoted} ADD COLUMN {MARK} TEXT")
        marked = sa.Table(self.name, sa.MetaData(), schema=self.schema, autoload_with=self.connection)
        sa.Index(f"ix_{self.name}_{MARK}", marked.c[MARK]).create(self.connection)

    def _make_unique(self, table: sa.Table) -> None:
        inspector = sa.inspect(self.connection)
        key = set(self.sink.key)
        unique = [
            set(index["column_names"]) for index in inspector.get_indexes(self.name, self.schema) if index["unique"]
        ]
        unique += [set(item["column_names"]) for item in inspector.get_unique_constraints(self.name, self.schema)]
        unique.append(set(inspector.get_pk_constraint(self.name, self.schema)["constrained_columns"]))
        if key in unique:
            return
        for name in self.sink.key:
            if name not in table.columns:
                raise SinkError(f"The table {self.sink.table} has no column '{name}'.", hint="Mend load.key.")
        columns = [table.c[name] for name in self.sink.key]
        try:
            sa.Index(f"ux_{self.name}_{'_'.join(self.sink.key)}"[:60], *columns, unique=True).create(self.connection)
        except sa.exc.IntegrityError as error:
            raise SinkError(
                f"The table {self.sink.table} holds rows that share a key ({', '.join(self.sink.key)}) already.",
                hint="Remove the duplicates from the table, or choose another key.",
            ) from error

    def _rows(self, extra: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
        naive = self.connection.dialect.name == "sqlite"
        for rows in batches(self.spool, _BATCH, naive=naive):
            yield [{**row, **extra} for row in rows] if extra else rows


def _ledger() -> sa.Table:
    return sa.Table(
        LEDGER,
        sa.MetaData(),
        sa.Column("target", sa.String(255), primary_key=True),
        sa.Column("delivery", sa.String(255), nullable=False),
        sa.Column("dataset_version", sa.String(64), nullable=False),
        sa.Column("run_id", sa.String(255), nullable=False),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
    )


def _make_ledger(engine: sa.Engine, target: str) -> None:
    """The ledger and the row of this target, committed on their own, so that every writer finds them to lock."""
    ledger = _ledger()
    with _unless_made_by_another(engine) as connection:
        ledger.create(connection, checkfirst=True)
    with _unless_made_by_another(engine) as connection:
        if connection.execute(sa.select(ledger.c.target).where(ledger.c.target == target)).first() is None:
            nothing = {"delivery": "", "dataset_version": "", "run_id": "", "rows": 0, "written_at": datetime.now(UTC)}
            connection.execute(ledger.insert(), {"target": target, **nothing})


@contextmanager
def _unless_made_by_another(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction; when it fails because another writer was quicker, what it should have made is there."""
    try:
        with engine.begin() as connection:
            yield connection
    except (sa.exc.IntegrityError, sa.exc.ProgrammingError):
        if not sa.inspect(engine).has_table(LEDGER):
            raise


def _take(connection: sa.Connection, target: str, delivery: str, of: Delivery, rows: int) -> None:
    """Update the target's row: its lock is held until the transaction ends."""
    ledger = _ledger()
    values = {
        "delivery": delivery,
        "dataset_version": of.dataset_version,
        "run_id": of.run_id,
        "rows": rows,
        "written_at": datetime.now(UTC),
    }
    connection.execute(sa.update(ledger).where(ledger.c.target == target).values(**values))
