"""The sql source and sink on SQLite: intervals, types, exactly once, and what is refused."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
from pydantic import ValidationError

from millrace.errors import SinkError, SourceError, SourceUnavailableError
from millrace.sources.base import DataInterval, Delivery
from millrace.sources.sinks.sql import SqlSink
from millrace.sources.sql import SqlSource

DAY = DataInterval(datetime(2024, 1, 2, tzinfo=UTC), datetime(2024, 1, 3, tzinfo=UTC))
NEXT = DataInterval(datetime(2024, 1, 3, tzinfo=UTC), datetime(2024, 1, 4, tzinfo=UTC))


@pytest.fixture
def database(tmp_path: Path) -> str:
    """A database with a small table."""
    path = tmp_path / "site.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            "CREATE TABLE sales (at TEXT, n INTEGER, x REAL, s TEXT, odd);"
            "INSERT INTO sales VALUES ('2024-01-01 23:59:59', 1, 1.5, 'a', 1),"
            "('2024-01-02 00:00:00', NULL, 2.5, NULL, 2),"
            "('2024-01-02 12:00:00', 3, NULL, 'c', 'x'), ('2024-01-03 00:00:00', 4, 4.5, 'd', 4);"
        )
    return f"sqlite:///{path}"


def rows(url: str, query: str) -> list[tuple]:
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        return connection.execute(query).fetchall()


@pytest.mark.parametrize("chunk", [1, 3, 100])
def test_a_query_in_chunks_of_one_schema(read, database, chunk):
    table, reading = read(SqlSource(url=database, query="SELECT at, n, x, s FROM sales ORDER BY at"), chunk_rows=chunk)
    assert table["n"].fillna(-1).tolist() == [1, -1, 3, 4]
    assert table["s"].tolist() == ["a", None, "c", "d"]
    assert reading.origin["type"] == "sql"


def test_the_interval_is_bound(read, database):
    query = "SELECT at, n FROM sales WHERE at >= :start AND at < :end ORDER BY at"
    assert len(read(SqlSource(url=database, query=query), interval=DAY)[0]) == 2
    table, reading = read(SqlSource(url=database, query=query))
    assert len(table) == 4
    assert any("no data interval" in note for note in reading.notes)


def test_a_table_with_its_time(read, database):
    spec = {"url": database, "table": "sales", "timestamp": {"from": "at", "as": "at"}, "interval": {"column": "at"}}
    with pytest.raises(SourceError, match=r"'odd'.* holds 1 in row 1 and 'x' in row 3.*CAST"):
        read(SqlSource.model_validate(spec), interval=DAY)
    with closing(sqlite3.connect(database.removeprefix("sqlite:///"))) as connection:
        connection.execute("ALTER TABLE sales DROP COLUMN odd")
    table, _ = read(SqlSource.model_validate(spec), interval=DAY)
    assert [str(at) for at in table["at"]] == ["2024-01-02 00:00:00+00:00", "2024-01-02 12:00:00+00:00"]


def written(target: str, **columns: list) -> None:
    sink = SqlSink.model_validate({"url": target, "table": "t", "mode": columns.pop("mode")})
    sink.write([pd.DataFrame(columns)], Delivery("p", "r", str(columns), None))


@pytest.mark.parametrize(
    ("first", "then", "says"),
    [([1, 2], [1.5], "'a' .* is of whole numbers, .* fractions"), ([None, None], [2.5], "'a' .* is text, .* numbers")],
)
def test_a_column_that_would_change_the_values_is_refused_or_made_anew(tmp_path, first, then, says):
    target = f"sqlite:///{tmp_path}/w.db"
    written(target, mode="append", a=first)
    with pytest.raises(SinkError, match=says):
        written(target, mode="append", a=then)
    assert rows(target, "SELECT count(*) FROM t") == [(2,)]
    written(target, mode="replace", a=then)
    assert rows(target, "SELECT a, typeof(a) FROM t") == [(then[0], "real")]


def test_whole_doubles_fit_a_column_of_integers(tmp_path):
    target = f"sqlite:///{tmp_path}/w.db"
    written(target, mode="append", a=[1, 2])
    written(target, mode="append", a=[3.0, None])
    assert rows(target, "SELECT a, typeof(a) FROM t WHERE a > 2") == [(3, "integer")]


def test_a_source_cannot_write(read, database):
    with pytest.raises(SourceError, match="readonly"):
        read(SqlSource(url=database, query="DELETE FROM sales RETURNING n"))
    assert rows(database, "SELECT count(*) FROM sales") == [(4,)]


def test_an_empty_answer_keeps_its_columns(read, database):
    table, reading = read(SqlSource(url=database, query="SELECT n, s FROM sales WHERE n > 99"))
    assert table.columns.tolist() == ["n", "s"]
    assert "The source has no rows." in reading.notes


REFUSED = [
    ({"query": "SELECT n FROM sale"}, SourceError, "no such table: sale"),
    ({"query": "SELEC n"}, SourceError, "syntax error"),
    ({"query": "SELECT n, n FROM sales"}, SourceError, "more than one column named 'n'"),
    ({"query": "SELECT n FROM sales WHERE n > :least"}, SourceError, "parameter :least.*:start, :end"),
    ({"query": "SELECT 1", "url": "sqlite:////nowhere/x.db"}, SourceError, "is not there"),
    ({"query": "SELECT 1", "url": "oracle+none://u:geheim@h/d"}, SourceError, "no driver"),
    ({"query": "SELECT 1", "url": "not an address"}, SourceError, "cannot be read"),
    ({"query": "SELECT 1", "url": "postgresql://u:geheim@127.0.0.1:9/d"}, SourceUnavailableError, "cannot be reached"),
]


@pytest.mark.parametrize(("spec", "kind", "words"), REFUSED)
def test_what_is_refused_and_never_shows_the_password(read, database, spec, kind, words):
    with pytest.raises(kind, match=words) as caught:
        read(SqlSource.model_validate({"url": database, **spec}))
    assert type(caught.value) is kind
    assert "geheim" not in str(caught.value)
    assert caught.value.hint


def test_a_missing_database_is_not_made(read, tmp_path):
    with pytest.raises(SourceError):
        read(SqlSource(url=f"sqlite:///{tmp_path}/none.db", query="SELECT 1"))
    assert not (tmp_path / "none.db").exists()


def test_a_password_is_not_part_of_the_document():
    source = SqlSource(url="postgresql://u:geheim@h/d", table="t")
    assert "geheim" not in source.model_dump_json()
    assert "geheim" not in repr(source)


def delivery(interval: DataInterval | None = DAY, version: str = "v1", run: str = "r1") -> Delivery:
    return Delivery("sales", run, version, interval)


def frame(*numbers: float | None) -> pd.DataFrame:
    at = pd.date_range("2024-01-02", periods=len(numbers), freq="h", tz="UTC")
    return pd.DataFrame({"at": at, "n": numbers, "s": "x"})


@pytest.fixture
def target(tmp_path: Path) -> str:
    """An empty database."""
    return f"sqlite:///{tmp_path}/target.db"


@pytest.fixture
def write(target: str) -> Callable[..., dict]:
    """Write frames to the table `t` of the empty database."""

    def written(*frames: pd.DataFrame, to: Delivery | None = None, **spec: object) -> dict:
        sink = SqlSink.model_validate({"url": target, "table": "t", **spec})
        return sink.write(iter(frames), to or delivery())

    return written


def test_an_interval_is_appended_once_and_replaced_when_its_content_changes(write, target):
    for _ in range(3):
        assert write(frame(1, 2), frame(3))["rows"] == 3
    write(frame(7), to=delivery(NEXT))
    assert rows(target, "SELECT n FROM t ORDER BY n") == [(1,), (2,), (3,), (7,)]
    write(frame(5), to=delivery(version="v2", run="r2"))
    assert rows(target, "SELECT n FROM t ORDER BY n") == [(5,), (7,)]
    assert rows(target, "SELECT at FROM t WHERE n = 5") == [("2024-01-02 00:00:00.000000",)]


def test_without_an_interval_the_same_content_is_appended_once(write, target):
    for run in ("r1", "r2"):
        write(frame(1), to=delivery(None, run=run))
    write(frame(2), to=delivery(None, version="v2"))
    assert rows(target, "SELECT n FROM t ORDER BY n") == [(1,), (2,)]


def test_rows_that_others_wrote_are_never_touched(write, target):
    with closing(sqlite3.connect(target.removeprefix("sqlite:///"))) as connection:
        connection.executescript(
            "CREATE TABLE t (at TEXT, n REAL, s TEXT, own TEXT); INSERT INTO t VALUES ('x', 9, 's', 'o')"
        )
    for _ in range(2):
        write(frame(1))
    assert rows(target, "SELECT n, own FROM t ORDER BY n") == [(1, None), (9, "o")]


def test_replace_leaves_the_last_table_alone(write, target):
    write(frame(1, 2), mode="replace")
    write(frame(3), mode="replace")
    assert rows(target, "SELECT n FROM t") == [(3,)]
    write(frame(4).rename(columns={"s": "r"}), mode="replace")
    assert rows(target, "SELECT n, r FROM t") == [(4, "x")]


def test_a_failure_in_the_middle_leaves_the_old_rows(write, target):
    write(frame(1), mode="replace")

    def broken():
        yield frame(2)
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        SqlSink(url=target, table="t", mode="replace").write(broken(), delivery())
    assert rows(target, "SELECT n FROM t") == [(1,)]


def test_merge_updates_and_inserts_by_key(write, target):
    first, second = frame(1, 2), frame(8, 9, 10).iloc[1:]
    for _ in range(2):
        write(first, mode="merge", key=["at"])
        write(second, mode="merge", key=["at"])
    assert rows(target, "SELECT n FROM t ORDER BY at") == [(1,), (9,), (10,)]


def test_merge_keeps_columns_of_the_table_that_the_data_does_not_have(write, target):
    with closing(sqlite3.connect(target.removeprefix("sqlite:///"))) as connection:
        connection.executescript("CREATE TABLE t (k INTEGER, v INTEGER, own TEXT); INSERT INTO t VALUES (1, 1, 'o')")
    write(pd.DataFrame({"k": [1, 2], "v": [5, 6]}), mode="merge", key=["k"])
    assert rows(target, "SELECT * FROM t ORDER BY k") == [(1, 5, "o"), (2, 6, None)]


def test_types_are_those_of_the_whole_table(write, target):
    early = pd.DataFrame({"k": [1], "late": [None], "flag": [True], "n": [1]})
    late = pd.DataFrame({"k": [2], "late": ["text"], "flag": [None], "n": [0.5]})
    write(early, late)
    assert rows(target, "SELECT k, late, flag, n FROM t ORDER BY k") == [(1, None, 1, 1.0), (2, "text", None, 0.5)]


def duplicates() -> pd.DataFrame:
    return pd.concat([frame(1, 2), frame(3)])


SINK_REFUSED = [
    (frame(1), {"mode": "merge", "key": ["att"]}, "'att' is not in the table.*Did you mean 'at'"),
    (frame(1, None), {"mode": "merge", "key": ["n"]}, "'n' is null in 1 rows"),
    (duplicates(), {"mode": "merge", "key": ["at"]}, "1 rows repeat the key.*at=2024-01-02.*drop_duplicates"),
    (pd.DataFrame({"a": [1, "x"]}), {}, "Column 'a' holds 1 and 'x'"),
    (frame(1), {"table": "no_schema.t"}, "no_schema"),
    (frame(1), {"url": "sqlite:////nowhere/x.db"}, "is not there"),
]


@pytest.mark.parametrize(("table", "spec", "words"), SINK_REFUSED)
def test_what_a_sink_refuses(write, table, spec, words):
    with pytest.raises(SinkError, match=words) as caught:
        write(table, **spec)
    assert caught.value.hint


def test_a_table_without_one_of_the_columns(write, target):
    write(frame(1).drop(columns="s"))
    with pytest.raises(SinkError, match="no column 's'"):
        write(frame(1), to=delivery(NEXT))
    assert rows(target, "SELECT n FROM t") == [(1,)]


def test_a_table_that_holds_the_key_twice_already(write):
    write(frame(1, 2))
    with pytest.raises(SinkError, match=r"share a key \(s\) already"):
        write(frame(3), mode="merge", key=["s"])


def test_a_key_belongs_to_merge():
    for spec in ({"mode": "merge"}, {"mode": "append", "key": ["a"]}):
        with pytest.raises(ValidationError, match="mode: merge needs a key"):
            SqlSink.model_validate({"url": "sqlite:///x", "table": "t", **spec})
    with pytest.raises(ValidationError, match="either a query or a table"):
        SqlSource(url="sqlite:///x")
