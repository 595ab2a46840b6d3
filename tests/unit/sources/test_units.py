"""Numbers with a unit beside them: read as numbers, recognised, and refused where they are none."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from millrace.errors import SourceError
from millrace.sources.file import FileSource
from millrace.sources.formats.units import numbers_of, unit_of


def test_units_are_taken_off(read_text):
    text = 'price,share,weight,plain\n"$1,250.50",45%,12 kg,1\n-$5,3 %,,2\n$ .5,0%,7,3\n'
    table, reading = read_text(text, read={"units": {"price": "$", "share": "%", "weight": " kg "}})
    assert table["price"].tolist() == [1250.5, -5.0, 0.5]
    assert table["share"].tolist() == [45, 3, 0]
    assert table["share"].dtype == "int64"
    assert table["weight"].tolist()[::2] == [12.0, 7.0]
    assert pd.isna(table["weight"][1])
    assert not [note for note in reading.notes if "units" in note]


def test_the_other_mark_groups_thousands(read_text):
    table, _ = read_text("p\n€ 250.000\n€ 1.250,5\n€ 3\n", read={"sep": ";", "decimal": ",", "units": {"p": "€"}})
    assert table["p"].tolist() == [250_000.0, 1250.5, 3.0]


@pytest.mark.parametrize("odd", ["£9", "$1.250,50", "$12,50", "$", "9 $ 9", "$1e5", "free"])
def test_what_is_no_number_of_this_unit_is_named_with_its_row(read_text, odd):
    with pytest.raises(SourceError, match=r"column 'p', row 2 of .* is no number with the unit '\$'"):
        read_text(f"n;p\n1;$9\n2;{odd}\n3;$1\n", read={"sep": ";", "units": {"p": "$"}})


def test_a_column_that_is_not_there_is_named(read_text):
    with pytest.raises(SourceError, match=r"read\.units names the column 'prise'.*Did you mean 'price'"):
        read_text("price\n$9\n", read={"units": {"prise": "$"}})


@pytest.mark.parametrize("unit", ["", " ", "5 kg", "."])
def test_a_unit_that_is_none_is_refused(unit):
    with pytest.raises(ValueError, match="the unit of price"):
        FileSource.model_validate({"type": "file", "path": "a.csv", "read": {"units": {"price": unit}}})


def test_a_text_column_that_is_numbers_with_a_unit_is_told(read_text):
    _, reading = read_text("p,q\n" + "".join(f"${n}.50,c{n}\n" for n in range(20)))
    assert [note for note in reading.notes if "units: {p: '$'}" in note]
    assert not [note for note in reading.notes if "'q'" in note]


@pytest.mark.parametrize(
    ("texts", "unit"),
    [
        ([f"${n}" for n in range(9)], "$"),
        ([f"{n} 500 kr" for n in range(1, 9)], "kr"),
        ([f"{n}.5 kmpl" for n in range(9)], "kmpl"),
        ([f"{n} %" for n in range(9)] + ["7"], "%"),
        ([f"C{n:05d}" for n in range(9)], None),
        (["1st", "2nd", "3rd", "4th", "5th", "6th"], None),
        ([f"2024-01-0{n}" for n in range(1, 9)], None),
        ([f"10:0{n}" for n in range(9)], None),
        ([f"{n}" for n in range(9)], None),
        (["3 kg", "5 kg"] * 9, None),
        ([f"{n} km" for n in range(9)] + [f"{n} mi" for n in range(9)], None),
    ],
)
def test_a_unit_is_recognised(texts, unit):
    assert unit_of(pd.Series(texts)) == unit


@given(
    numbers=st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=20),
    unit=st.sampled_from(["$", "€", "%", "kg", "m2", "US$"]),
    before=st.booleans(),
    decimal=st.sampled_from([".", ","]),
)
def test_what_is_written_is_read(numbers, unit, before, decimal):
    def text(number: int) -> str:
        whole = f"{abs(number) // 100:,}".replace(",", {".": ",", ",": "."}[decimal])
        digits = f"{whole}{decimal}{abs(number) % 100:02d}"
        sign = "-" if number < 0 else ""
        return f"{sign}{unit} {digits}" if before else f"{sign}{digits} {unit}"

    table = pd.DataFrame({"n": [text(number) for number in numbers]}, dtype=object)
    read = numbers_of(table, {"n": unit}, decimal, "table.csv")["n"]
    assert read.tolist() == pytest.approx([number / 100 for number in numbers])
