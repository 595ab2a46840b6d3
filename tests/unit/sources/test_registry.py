"""The registries: what a spec may name, and how light they are."""

from __future__ import annotations

import subprocess
import sys

import pytest

from millrace.sources import SINKS, SOURCES
from millrace.sources.masking import masked, shown_url
from millrace.strict import by_name


def test_the_names_that_a_spec_may_use():
    assert set(by_name(SOURCES, "type")) == {"file", "http", "s3", "sql", "mongodb", "upload", "sample"}
    assert set(by_name(SINKS, "type")) == {"file", "s3", "sql", "mongodb"}


def test_every_field_is_described():
    for entry in (*SOURCES, *SINKS):
        for name, field in entry.model_fields.items():
            assert field.description or name == "type", f"{entry.__name__}.{name}"


def test_a_spec_is_read_without_the_heavy_libraries():
    heavy = "pandas numpy pyarrow sklearn sqlalchemy boto3 botocore pymongo httpx openpyxl"
    code = f"import sys, millrace.sources; print([m for m in {heavy!r}.split() if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://u:p@h/d", "postgresql://u:***@h/d"),
        ("mongodb+srv://u:p%40x@h/d?a=b", "mongodb+srv://u:***@h/d?a=b"),
        ("see https://h/x?token=abc&n=1", "see https://h/x?token=***&n=1"),
        ("connection password=abc host=h", "connection password=*** host=h"),
        ("mail a@b.org", "mail a@b.org"),
    ],
)
def test_secrets_are_masked(text, shown):
    assert masked(text) == shown


def test_an_address_is_shown_without_its_secrets():
    assert shown_url("https://u:p@h:8/x.csv?sig=abc") == "https://h:8/x.csv?…"
