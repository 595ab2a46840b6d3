"""What a person names on the command line becomes a source."""

from __future__ import annotations

import pytest

from millrace.cli.addresses import source_of
from millrace.cli.failures import CommandError


@pytest.mark.parametrize("address", ["rows.csv", "s3://bucket/rows.csv"])
def test_read_says_how_a_file_is_written(address: str) -> None:
    source = source_of(address, read="""{sep: ";", decimal: ",", units: {price: €}}""")
    options = source.options  # type: ignore[attr-defined]
    assert (options.sep, options.decimal, options.units) == (";", ",", {"price": "€"})


@pytest.mark.parametrize(
    ("address", "read", "said"),
    [
        ("rows.csv", "{sepp: 1}", "no option 'sepp'. Did you mean 'sep'"),
        ("rows.csv", "sep", "no mapping: sep. Write --read"),
        ("rows.csv", "{sep", "no mapping"),
        ("rows.csv", "{sep: ';;'}", "sep is ';;'"),
        ("sqlite:///a.db", "{sep: ';'}", "a database is none"),
    ],
)
def test_what_read_cannot_say_is_refused(address: str, read: str, said: str) -> None:
    with pytest.raises(CommandError) as raised:
        source_of(address, read=read, table="t" if "sqlite" in address else None)
    assert said in str(raised.value)
