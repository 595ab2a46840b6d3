"""References to stored credentials: where they may stand, and that a value arrives whole and is shown nowhere."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from millrace import revealed
from millrace.errors import SpecError
from millrace.revealed import hidden, hidden_in, reveal
from millrace.sources.http import HttpSource
from millrace.sources.masking import masked
from millrace.sources.sql import SqlSource
from millrace.spec.catalogue import load_spec
from millrace.spec.references import filled, names_in
from millrace.stages.base import error_document

SECRETS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=4, max_size=30)


@pytest.fixture(autouse=True)
def forgotten(monkeypatch):
    monkeypatch.setattr(revealed, "_revealed", set())


def write(folder: Path, text: str) -> Path:
    path = folder / "p.yaml"
    path.write_text(text)
    return path


def test_a_spec_keeps_the_name_and_not_the_value(tmp_path):
    text = """
name: p
source: {type: sql, url: "postgresql://reader:${credential:warehouse}@db/x", table: t}
load: [{type: sql, url: "${credential:lake.url}", table: u, mode: replace}]
"""
    loaded = load_spec(write(tmp_path, text), {})
    assert names_in(loaded.spec.source) == {"warehouse"}
    assert names_in(loaded.spec.load[0]) == {"lake.url"}
    assert loaded.spec.source.url.get_secret_value().endswith(":${credential:warehouse}@db/x")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('source: {type: sql, url: "${credential:}", table: t}', "is no reference"),
        ('source: {type: sql, url: "${credential:Ware House}", table: t}', "is no reference"),
        ('source: {type: sql, url: "${credential: x}", table: t}', "is no reference"),
        ('source: {type: sql, url: "${credential:x", table: t}', "is no reference"),
        (
            'source: {type: sql, url: x, table: t}\ndescription: "${credential:x}"',
            "allowed under source, transform, load",
        ),
    ],
)
def test_a_misspelt_or_misplaced_reference_is_named_with_its_line(tmp_path, line, words):
    with pytest.raises(SpecError, match=words) as refused:
        load_spec(write(tmp_path, f"name: p\n{line}\n"), {})
    assert ":2:" in str(refused.value) or ":3:" in str(refused.value)


@given(SECRETS)
def test_any_password_arrives_in_an_address(secret):
    source = SqlSource(url="postgresql://reader:${credential:w}@db.example.org:5432/x", table="t")
    opened = filled(source, {"w": secret})
    url = sa.make_url(opened.url.get_secret_value())
    assert (url.username, url.password, url.host, url.database) == ("reader", secret, "db.example.org", "x")
    assert opened.table == "t"


@given(SECRETS)
def test_any_token_arrives_in_a_header_and_a_query(secret):
    source = HttpSource(
        url="https://example.org/t.csv?key=${credential:k}",
        headers={"Authorization": "Bearer ${credential:k}"},
        read={"sep": ";"},
        timestamp={"from": ["d"], "as": "at"},
    )
    opened = filled(source, {"k": secret})
    assert opened.headers["Authorization"].get_secret_value() == f"Bearer {secret}"
    assert unquote(urlsplit(opened.url).query) == f"key={secret}"
    assert (opened.options, opened.timestamp) == (source.options, source.timestamp)


def test_a_whole_value_is_taken_as_it_is():
    source = SqlSource(url="${credential:w}", table="t")
    assert filled(source, {"w": "sqlite:////tmp/a b.db"}).url.get_secret_value() == "sqlite:////tmp/a b.db"


def test_what_does_not_fit_is_told_without_the_value():
    reveal("ftp://hush-hush")
    source = HttpSource.model_construct(url="${credential:u}", type="http")
    source.__pydantic_fields_set__.add("url")
    with pytest.raises(SpecError) as refused:
        filled(source, {"u": "ftp://hush-hush"})
    assert "hush" not in str(refused.value)
    assert "no http or https address" in str(refused.value)


@given(SECRETS, st.text(max_size=20), st.text(max_size=20))
def test_nothing_shows_what_was_revealed(secret, before, after):
    reveal(secret)
    for text in (hidden(before + secret + after), masked(before + secret + after), str(hidden_in({"a": [secret]}))):
        assert secret not in text or secret in "***"
    document = error_document(RuntimeError(f"{before}{secret}{after}"))
    assert secret not in document["message"] or secret in f"{before}RuntimeError: no message***{after}"
