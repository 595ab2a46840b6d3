"""The sql source and sink on a PostgreSQL of the test's own."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa
from free_ports import free_port_base
from waiting import until

from millrace.errors import SinkError, SinkUnavailableError, SourceError, SourceUnavailableError
from millrace.pipeline import new_run_id, open_context, run_pipeline
from millrace.sources.base import DataInterval, Delivery, Reading
from millrace.sources.reading import read_source, read_table
from millrace.sources.sinks.sql import SqlSink
from millrace.sources.sql import SqlSource
from millrace.spec.catalogue import load_spec
from millrace.stores.credentials import MongoCredentials

pytestmark = pytest.mark.integration
PASSWORD = "geheim"
DAY = DataInterval(datetime(2024, 1, 2, tzinfo=UTC), datetime(2024, 1, 3, tzinfo=UTC))
NEXT = DataInterval(datetime(2024, 1, 3, tzinfo=UTC), datetime(2024, 1, 4, tzinfo=UTC))


def binaries() -> Path | None:
    """The folder with PostgreSQL's server programs, which Debian keeps off PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)
    on_path = shutil.which("initdb")
    candidates = [*found, *([Path(on_path)] if on_path else [])]
    return next((path.parent for path in candidates if (path.parent / "postgres").exists()), None)


def as_server_user(argv: list[str]) -> list[str]:
    """PostgreSQL refuses to run as root: then as another user."""
    if os.geteuid() != 0:
        return argv
    names = {entry.pw_name for entry in pwd.getpwall()}
    return ["runuser", "-u", "postgres" if "postgres" in names else "nobody", "--", *argv]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of a running PostgreSQL, with a password in it."""
    folder = binaries()
    if folder is None or (os.geteuid() == 0 and shutil.which("runuser") is None):
        pytest.skip("PostgreSQL's initdb and postgres are not installed, or cannot be run as another user")
    with tempfile.TemporaryDirectory(prefix="millrace-pg-") as home:
        Path(home).chmod(0o777)
        (Path(home) / "password").write_text(PASSWORD)
        port = free_port_base()
        data = f"{home}/data"
        flags = ["-D", data, "-U", "millrace", "-A", "scram-sha-256", f"--pwfile={home}/password", "-E", "UTF8", "-N"]
        subprocess.run(as_server_user([str(folder / "initdb"), *flags]), check=True, capture_output=True, cwd=home)
        listen = ["-c", "listen_addresses=127.0.0.1", "-p", str(port), "-k", home, "-c", "fsync=off"]
        start = [str(folder / "pg_ctl"), "-D", data, "-w", "-l", f"{home}/data/log", "-o", " ".join(listen), "start"]
        subprocess.run(as_server_user(start), check=True, capture_output=True, cwd=home)
        yield f"postgresql://millrace:{PASSWORD}@127.0.0.1:{port}/postgres"
        stop = [str(folder / "pg_ctl"), "-D", data, "-m", "immediate", "stop"]
        subprocess.run(as_server_user(stop), check=True, capture_output=True, cwd=home)


@pytest.fixture
def execute(server: str):
    """Run SQL, and get its rows if it has any."""
    engine = sa.create_engine(server.replace("postgresql:", "postgresql+psycopg2:"), poolclass=sa.NullPool)

    def executed(sql: str) -> list[tuple]:
        with engine.begin() as connection:
            result = connection.execute(sa.text(sql))
            return [tuple(row) for row in result] if result.returns_rows else []

    executed("DROP SCHEMA public CASCADE")
    executed("CREATE SCHEMA public")
    return executed


def delivery(interval: DataInterval | None = DAY, version: str = "v1", run: str = "r1") -> Delivery:
    return Delivery("sales", run, version, interval)


def frame(*numbers: float | None) -> pd.DataFrame:
    at = pd.date_range("2024-01-02", periods=len(numbers), freq="h", tz="UTC")
    return pd.DataFrame({"at": at, "n": numbers, "s": "x"})


def test_types_and_the_interval(server, execute):
    execute(
        "CREATE TABLE t (id bigint, at timestamptz, local timestamp, day date, price numeric(9,2), ok boolean,"
        " tags int[], doc jsonb, u uuid, b bytea)"
    )
    execute(
        "INSERT INTO t SELECT i, '2024-01-02 00:00+00'::timestamptz + i * interval '6 hours', '2024-01-02',"
        " '2024-01-02', 1.25, i > 1, '{1,2}', '{\"a\": 1}',"
        " '00000000-0000-0000-0000-000000000001', 'x' FROM generate_series(0, 5) i"
    )
    query = "SELECT * FROM t WHERE at >= :start AND at < :end AND price::float > 1 ORDER BY at"
    table = read_table(SqlSource(url=server, query=query), Reading(interval=DAY, chunk_rows=2))
    assert table["id"].tolist() == [0, 1, 2, 3]
    kinds = table.drop(columns=["b"]).dtypes.astype(str).to_dict()
    assert kinds == {
        "id": "int64",
        "at": "datetime64[ns, UTC]",
        "local": "datetime64[ns]",
        "day": "datetime64[ns]",
        "price": "float64",
        "ok": "bool",
        "tags": "object",
        "doc": "object",
        "u": "object",
    }
    assert table["tags"].iloc[0] == "[1, 2]"
    assert table["doc"].iloc[0] == '{"a": 1}'
    spec = {"url": server, "table": "public.t", "interval": {"column": "at"}}
    assert len(read_table(SqlSource.model_validate(spec), Reading(interval=DAY))) == 4


def test_a_large_answer_comes_in_chunks(server):
    query = "SELECT i AS id, i * 0.5 AS x, CASE WHEN i > 150000 THEN 'late' END AS s FROM generate_series(1, 200000) i"
    frames = list(read_source(SqlSource(url=server, query=query), Reading()))
    assert [len(part) for part in frames] == [50_000] * 4
    assert frames[0]["s"].isna().all()
    assert {str(part["s"].dtype) for part in frames} == {"object"}


REFUSED = [
    ("SELECT * FROM nowhere", 'relation "nowhere" does not exist'),
    ("SELECT nope FROM generate_series(1, 2) i", 'column "nope" does not exist'),
    ("SELEC 1", "syntax error"),
    ("CREATE TABLE made AS SELECT 1", "near .CREATE."),
    ("SELECT 1 / (i - 2) FROM generate_series(1, 3) i", "division by zero"),
]


@pytest.mark.parametrize(("query", "words"), REFUSED)
def test_what_the_source_refuses(server, execute, query, words):
    with pytest.raises(SourceError, match=words) as caught:
        read_table(SqlSource(url=server, query=query))
    assert PASSWORD not in str(caught.value)


def test_a_wrong_password_and_an_absent_server(server):
    wrong = server.replace(PASSWORD, "falsch")
    with pytest.raises(SourceError, match="refused the login") as caught:
        read_table(SqlSource(url=wrong, query="SELECT 1"))
    assert not caught.value.retryable
    assert "falsch" not in str(caught.value)
    with pytest.raises(SinkError, match="refused the login"):
        SqlSink(url=wrong, table="t").write([frame(1)], delivery())
    absent = sa.make_url(server).set(port=9).render_as_string(hide_password=False)
    with pytest.raises(SourceUnavailableError, match="cannot be reached"):
        read_table(SqlSource(url=absent, query="SELECT 1"))
    with pytest.raises(SinkUnavailableError, match="cannot be reached"):
        SqlSink(url=absent, table="t").write([frame(1)], delivery())
    with pytest.raises(SourceError, match='database "none" does not exist'):
        read_table(SqlSource(url=server.replace("/postgres", "/none"), query="SELECT 1"))


def test_append_replace_and_merge(server, execute):
    append = SqlSink(url=server, table="public.appended")
    for _ in range(2):
        append.write([frame(1, 2), frame(3)], delivery())
    append.write([frame(7)], delivery(NEXT))
    append.write([frame(5)], delivery(version="v2"))
    assert execute("SELECT n FROM appended ORDER BY n") == [(5,), (7,)]
    replace = SqlSink(url=server, table="replaced", mode="replace")
    replace.write([frame(1, 2)], delivery())
    replace.write([frame(None, 2.5).rename(columns={"s": "r"})], delivery())
    assert execute("SELECT n, r FROM replaced ORDER BY at") == [(None, "x"), (2.5, "x")]
    merge = SqlSink(url=server, table="merged", mode="merge", key=["at", "s"])
    for _ in range(2):
        merge.write([frame(1, 2)], delivery())
        merge.write([frame(8, 9, 10).iloc[1:]], delivery(NEXT))
    assert execute("SELECT n FROM merged ORDER BY at") == [(1,), (9,), (10,)]
    at = execute("SELECT at FROM merged ORDER BY at LIMIT 1")[0][0]
    assert at == datetime(2024, 1, 2, tzinfo=UTC)


@pytest.mark.parametrize("mode", ["append", "replace", "merge"])
def test_two_writers_at_once_leave_one_table(server, execute, mode):
    spec = {"url": server, "table": "t", "mode": mode, "key": ["at"] if mode == "merge" else []}

    def write(number: int) -> None:
        SqlSink.model_validate(spec).write([frame(*[number] * 400)], delivery(run=f"r{number}", version=f"v{number}"))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    found = execute("SELECT n, count(*) FROM t GROUP BY n")
    assert len(found) == 1
    assert found[0][1] == 400


KILLED = """
import os, sys, time
import pandas as pd
from datetime import UTC, datetime
from millrace.sources.base import DataInterval, Delivery
from millrace.sources.sinks import sql_writing
from millrace.sources.sinks.sql import SqlSink

batches = sql_writing._Writer._rows
def slow(self, extra):
    for rows in batches(self, extra):
        yield rows
        print("wrote", flush=True)
        time.sleep(60)
sql_writing._Writer._rows = slow
day = DataInterval(datetime(2024, 1, 2, tzinfo=UTC), datetime(2024, 1, 3, tzinfo=UTC))
key = ["at"] if sys.argv[2] == "merge" else []
at = pd.date_range("2024-01-02", periods=9000, freq="s", tz="UTC")
table = pd.DataFrame({"at": at, "n": 1, "s": "x"})
SqlSink(url=sys.argv[1], table="t", mode=sys.argv[2], key=key).write([table], Delivery("sales", "r1", "v1", day))
"""


@pytest.mark.parametrize("mode", ["append", "replace", "merge"])
def test_a_writer_killed_in_the_middle_leaves_nothing_and_its_retry_everything(server, execute, mode):
    spec = {"url": server, "table": "t", "mode": mode, "key": ["at"] if mode == "merge" else []}
    sink = SqlSink.model_validate(spec)
    earlier = frame(5).assign(at=pd.Timestamp("2023-01-01", tz="UTC"))
    sink.write([earlier], delivery(NEXT))
    writer = subprocess.Popen([sys.executable, "-c", KILLED, server, mode], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    assert writer.stdout.readline() == "wrote\n"
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    assert execute("SELECT n FROM t") == [(5,)]
    at = pd.date_range("2024-01-02", periods=9000, freq="s", tz="UTC")
    until(lambda: execute("SELECT count(*) FROM pg_locks WHERE relation = 't'::regclass") == [(0,)], "the end of it")
    sink.write([pd.DataFrame({"at": at, "n": 1, "s": "x"})], delivery())
    assert execute("SELECT count(*) FROM t WHERE n = 1") == [(9000,)]


def test_a_run_signs_in_with_a_stored_credential_and_shows_it_nowhere(server, execute, settings, tmp_path, caplog):
    password = "p@ss/w#rd: 100% ünsafe"
    execute(f"drop role if exists reader; create role reader login password '{password}'")
    execute("drop table if exists wheels; create table wheels (turns int); insert into wheels values (1), (2), (3)")
    execute("grant usage on schema public to reader; grant select on wheels to reader")
    address = server.replace(f"millrace:{PASSWORD}", "reader:${credential:warehouse}")
    spec = tmp_path / "wheels.yaml"
    spec.write_text(f'name: wheels\nsource: {{type: sql, url: "{address}", table: wheels}}\n')
    loaded, store = load_spec(spec), MongoCredentials(settings)

    def run() -> dict:
        context = open_context(loaded, new_run_id(loaded.spec), settings=settings)
        summary = run_pipeline(context)
        return {**summary, "record": context.runs.get_run(context.run_id)}

    with caplog.at_level("DEBUG"):
        store.set("warehouse", password, "ann")
        read = run()
        assert read["status"] == "success", read["error"]
        assert read["rows"]["extracted"] == 3
        store.set("warehouse", f"{password}!", "ann")
        refused = run()
    assert refused["status"] == "failed"
    assert "refused the login" in refused["error"]["message"]
    shown = f"{read} {refused} {caplog.text}"
    assert "ünsafe" not in shown
    assert "%C3%BCnsafe" not in shown
