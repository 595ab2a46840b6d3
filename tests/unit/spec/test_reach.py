"""What a spec that was made through the API may reach: each way out that is closed, and each that is open."""

from __future__ import annotations

from pathlib import Path

import pytest

from millrace.errors import SpecError
from millrace.settings import Settings
from millrace.sources import SINKS, SOURCES
from millrace.spec.catalogue import load_made
from millrace.spec.reach import Reach
from millrace.spec.reach_rules import _SINKS, _SOURCES
from millrace.strict import by_name

KEYS = "access_key: a, secret_key: b"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    (folder / "sub").mkdir(parents=True)
    (folder / "t.csv").write_text("a,b\n1,2\n")
    (tmp_path / "secret.csv").write_text("a\n1\n")
    (folder / "way-out").symlink_to(tmp_path)
    return folder


@pytest.fixture
def reach(data: Path) -> Reach:
    settings = Settings(
        millrace_home=data.parent, data_dir=data, millrace_spec_hosts="db.example.org, api.example.org:8443, *.ours.net"
    )
    return Reach.of(settings)


def load(reach: Reach, source: str, more: str = ""):
    return load_made(f"name: p\nsource: {source}\n{more}", Path("spec"), reach)


@pytest.mark.parametrize(
    "source",
    [
        "{type: sample, name: wine}",
        "{type: upload, name: sales}",
        "{type: file, path: '${DATA_DIR}/t.csv'}",
        "{type: file, path: '${DATA_DIR}/sub/*.csv', format: csv}",
        "{type: http, url: 'https://api.example.org:8443/t.csv'}",
        "{type: http, url: 'https://files.ours.net/t.csv', headers: {Authorization: 'Bearer ${credential:x}'}}",
        "{type: sql, url: 'postgresql://reader:${credential:pw}@db.example.org/sales?sslmode=require', table: t}",
        "{type: sql, url: '${credential:warehouse}', table: t}",
        "{type: mongodb, uri: 'mongodb://u:p@db.example.org:27017/', database: shop, collection: c}",
        "{type: mongodb, database: shop, collection: c}",
        "{type: s3, uri: 's3://millrace/uploads/t.csv'}",
        f"{{type: s3, uri: 's3://theirs/t.csv', endpoint: 'https://s3.ours.net', {KEYS}}}",
    ],
)
def test_what_is_open(reach, data, monkeypatch, source):
    monkeypatch.setenv("DATA_DIR", str(data))
    assert load(reach, source).made


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("{type: file, path: /etc/passwd, format: csv}", "outside the folders"),
        ("{type: file, path: t.csv}", "outside the folders"),
        ("{type: file, path: '${DATA_DIR}/../secret.csv'}", "outside the folders"),
        ("{type: file, path: '${DATA_DIR}/*/../../secret.csv'}", "outside the folders"),
        ("{type: file, path: '${DATA_DIR}/way-out/secret.csv'}", "outside the folders"),
        ("{type: file, path: '~/x.csv'}", "outside the folders"),
        ("{type: file, path: '${HOME}/x.csv'}", "variable HOME is not open"),
        ("{type: file, path: '${AWS_SECRET_ACCESS_KEY:-none}/x.csv'}", "variable AWS_SECRET_ACCESS_KEY is not open"),
        ("{type: file, path: '${DATA_DIR}/x.csv', fallback: {type: http, url: 'http://x/'}}", "fallback.url: the host"),
        ("{type: http, url: 'http://169.254.169.254/latest'}", "host '169.254.169.254' is not open"),
        ("{type: http, url: 'http://localhost:27603/'}", "host 'localhost' is not open"),
        ("{type: http, url: 'http://db.example.org@evil.org/t.csv'}", "host 'evil.org' is not open"),
        ("{type: http, url: 'https://api.example.org/t.csv'}", "host 'api.example.org' is not open"),
        ("{type: http, url: 'https://db.example.org/t.csv?k=${credential:x}'}", "only where a server is signed in"),
        ("{type: sql, url: 'sqlite:////etc/x.db', table: t}", "sqlite is not open"),
        ("{type: sql, url: 'postgresql://evil.org/x', table: t}", "host 'evil.org' is not open"),
        ("{type: sql, url: 'postgresql:///x', table: t}", "host '' is not open"),
        ("{type: sql, url: 'postgresql://db.example.org/x?host=evil.org', table: t}", "option 'host' is not open"),
        ("{type: sql, url: 'mysql://db.example.org/x?local_infile=1', table: t}", "option 'local_infile' is not open"),
        ("{type: sql, url: 'postgresql://evil.org,x.ours.net/x', table: t}", "is not open"),
        ("{type: sql, url: 'postgresql://db.example.org/host=evil', table: t}", "database's name"),
        ("{type: sql, url: 'postgresql://u:p@${credential:x}/d', table: t}", "no address of a database"),
        (
            "{type: sql, url: 'postgresql://u@db.example.org/x?application_name=${credential:x}', table: t}",
            "password only",
        ),
        (
            "{type: sql, url: 'postgresql://db.example.org/x', query: \"select '${credential:x}'\"}",
            "source.query: a credential may stand only",
        ),
        ("{type: mongodb, collection: users}", "database: None is not open"),
        ("{type: mongodb, database: Millrace, collection: users}", "database: 'Millrace' is not open"),
        ("{type: mongodb, database: admin, collection: c}", "'admin' is not open"),
        ("{type: mongodb, database: '${credential:x}', collection: c}", "is not open"),
        ("{type: mongodb, uri: 'mongodb://evil.org/', database: shop, collection: c}", "host 'evil.org' is not open"),
        ("{type: mongodb, uri: 'mongodb://db.example.org,evil.org/', database: s, collection: c}", "host 'evil.org'"),
        ("{type: mongodb, uri: 'mongodb+srv://db.example.org/', database: s, collection: c}", "write it as mongodb://"),
        ("{type: mongodb, uri: 'mongodb://db.example.org/?tlsCAFile=/x', database: s, collection: c}", "write it as"),
        ("{type: s3, uri: 's3://millrace/mlflow/1/model.parquet'}", "is not open"),
        ("{type: s3, uri: 's3://millrace/uploads/../mlflow/x.csv'}", "no plain address"),
        ("{type: s3, uri: 's3://other/t.csv'}", "needs access_key"),
        (
            f"{{type: s3, uri: 's3://o/t.csv', endpoint: 'http://evil.org\\@db.example.org', {KEYS}}}",
            "host '' is not open",
        ),
        ("{type: s3, uri: 's3://o/t.csv', endpoint: 'https://s3.ours.net'}", "keys|access_key and secret_key"),
        (f"{{type: s3, uri: 's3://o/t.csv', endpoint: 'http://127.0.0.1:1', {KEYS}}}", "host '127.0.0.1' is not open"),
        (
            f"{{type: s3, uri: 's3://o/t.csv', read: {{names: ['${{credential:x}}']}}, {KEYS}}}",
            "source.read.names.0: a credential",
        ),
    ],
)
def test_what_is_closed(reach, data, monkeypatch, source, words):
    monkeypatch.setenv("DATA_DIR", str(data))
    with pytest.raises(SpecError, match=words) as caught:
        load(reach, source)
    assert {problem["line"] for problem in caught.value.details["problems"]} == {2}


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("load: [{type: file, path: /tmp/x.csv}]", "load.0.type: .* writes no files"),
        ("load: [{type: s3, uri: 's3://millrace/uploads/x'}]", "load.0.uri: .* is not open"),
        ("load: [{type: mongodb, collection: users}]", "load.0.database: None"),
        ("load: [{type: sql, url: 'sqlite:///x.db', table: t}]", "load.0.url: sqlite"),
        ("transform: [{step: python, function: 'os:system'}]", "transform.0.function: .* calls no functions"),
        (
            "transform: [{step: join, with: {type: file, path: /etc/passwd, format: csv}, on: [a]}]",
            "transform.0.with.path: .*outside the folders",
        ),
        ("transform: [{step: join, with: {type: nothing}, on: [a]}]", "transform.0.with: this is no source"),
        (
            "task: clustering\ncandidates: [{estimator: k_means}]\n"
            "score: {source: {type: http, url: 'http://evil.org/x.csv'}, sinks: [{type: file, path: /tmp/x.csv}]}",
            "(?s)score.source.url: the host.*score.sinks.0.type",
        ),
    ],
)
def test_every_section_is_looked_at(reach, more, words):
    with pytest.raises(SpecError, match=words):
        load(reach, "{type: sample, name: wine}", more)


def test_outputs_of_the_platforms_bucket_can_be_written(reach):
    assert load(reach, "{type: sample, name: wine}", "load: [{type: s3, uri: 's3://millrace/outputs/wine'}]").made


def test_without_settings_nothing_but_the_platforms_own_is_open(tmp_path):
    reach = Reach.of(Settings(millrace_home=tmp_path, data_dir=None))
    with pytest.raises(SpecError, match=r"Allowed: none \(set DATA_DIR"):
        load(reach, "{type: file, path: /x.csv}")
    with pytest.raises(SpecError, match=r"Allowed: none \(MILLRACE_SPEC_HOSTS\)"):
        load(reach, "{type: http, url: 'https://example.org/x.csv'}")


def test_every_kind_has_a_rule():
    assert set(_SOURCES) == set(by_name(SOURCES, "type"))
    assert set(_SINKS) == set(by_name(SINKS, "type"))
