"""Opens a database by its address and puts its refusals into words.

`postgresql://` means psycopg2 here; times are UTC in every session; a password never reaches a message.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import exc

from millrace.errors import MillraceError
from millrace.sources.masking import first_line

CONNECT_SECONDS = 10
_SQLITE_BUSY_SECONDS = 60
_OPTIONS: dict[str, dict[str, Any]] = {
    "postgresql": {"connect_timeout": CONNECT_SECONDS, "options": "-c timezone=UTC"},
    "sqlite": {"timeout": _SQLITE_BUSY_SECONDS},
    "mysql": {"connect_timeout": CONNECT_SECONDS, "init_command": "SET time_zone = '+00:00'"},
}


@contextmanager
def engine_for(url: str, refused: type[MillraceError], *, writing: bool = False) -> Iterator[sa.Engine]:
    """An engine without a pool, so that no connection outlives the read. Raises `refused`."""
    address = _address(url, refused)
    dialect = address.get_backend_name()
    if dialect == "sqlite":
        _check_sqlite_file(address, refused, writing=writing)
    try:
        engine = sa.create_engine(address, poolclass=sa.NullPool, connect_args=_OPTIONS.get(dialect, {}))
    except (exc.NoSuchModuleError, ModuleNotFoundError) as error:
        raise refused(
            f"There is no driver for {address.drivername}: {first_line(error)}.",
            hint="Install one, or use postgresql:// or sqlite:///.",
        ) from error
    if dialect == "sqlite":
        _own_transactions(engine)
    try:
        yield engine
    finally:
        engine.dispose()


def _address(url: str, refused: type[MillraceError]) -> sa.URL:
    try:
        address = sa.make_url(url)
    except exc.ArgumentError as error:
        raise refused(
            "The database's address cannot be read.", hint="Write it as postgresql://user:password@host:5432/database."
        ) from error
    # SQLAlchemy 2.1 reads the plain name as psycopg 3, which is not installed.
    return (
        address.set(drivername="postgresql+psycopg2") if address.drivername in {"postgresql", "postgres"} else address
    )


def _check_sqlite_file(address: sa.URL, refused: type[MillraceError], *, writing: bool) -> None:
    """SQLite makes an empty database for a missing file; a source must not."""
    name = address.database
    if not name or name == ":memory:" or name.startswith("file:"):
        return
    path = Path(name)
    if not path.parent.is_dir() or (not writing and not path.is_file()):
        absent = path if path.parent.is_dir() else path.parent
        raise refused(f"The SQLite database {path} is not there: {absent} does not exist.", hint="Check its path.")


def _own_transactions(engine: sa.Engine) -> None:
    """Let BEGIN come from SQLAlchemy: sqlite3 begins late, and commits before DDL."""

    @sa.event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None

    @sa.event.listens_for(engine, "begin")
    def _begun(connection: sa.Connection) -> None:
        reads = connection.get_execution_options().get("millrace_reads")
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


@contextmanager
def explained(url: str, refused: type[MillraceError], unavailable: type[MillraceError], what: str) -> Iterator[None]:
    """Turn the database's errors into one sentence about `what`."""
    try:
        yield
    except exc.DBAPIError as error:
        raise _of_database_error(url, error, refused, unavailable, what) from error
    except exc.SQLAlchemyError as error:
        raise refused(f"{what} cannot be run: {first_line(error)}.", hint="Check its SQL.") from error


def _of_database_error(
    url: str, error: exc.DBAPIError, refused: type[MillraceError], unavailable: type[MillraceError], what: str
) -> MillraceError:
    where = sa.make_url(url).set(query={}).render_as_string(hide_password=True)
    reason = first_line(error.orig or error)
    if _is_login(reason):
        return refused(f"The database {where} refused the login: {reason}.", hint="Check the user and the password.")
    if _is_absent(error, reason):
        return unavailable(
            f"The database {where} cannot be reached: {reason}.", hint="Check its address, and that the server runs."
        )
    return refused(
        f"{what} failed on {where}: {reason}.", hint="Check its SQL, the names in it, and the user's rights."
    )


def _is_login(reason: str) -> bool:
    return (
        any(word in reason for word in ("authentication failed", "role ", "Access denied")) and "column" not in reason
    )


def _is_absent(error: exc.DBAPIError, reason: str) -> bool:
    words = ("onnection", "could not translate", "timeout", "locked", "starting up", "shutting down", "onnect to")
    return error.connection_invalidated or (
        isinstance(error, exc.OperationalError) and any(word in reason for word in words)
    )
