"""CSV and TSV: dialects, types that do not depend on the chunks, codes, and what is refused."""

from __future__ import annotations

import csv
import io
import math

import pandas as pd
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from pydantic import ValidationError

from millrace.errors import SourceError
from millrace.sources.file import FileSource


def test_decimal_comma_thousands_and_missing_marks(read_text):
    table, _ = read_text(
        "a;b;c\r\n1.234,5;-200;x\r\n2,25;7;-\r\n",
        read={"sep": ";", "decimal": ",", "thousands": ".", "na_values": [-200, "-"]},
    )
    assert table["a"].tolist() == [1234.5, 2.25]
    assert table["b"].isna().tolist() == [True, False]
    assert table["c"].tolist() == ["x", None]


def test_missing_marks_by_column(read_text):
    table, _ = read_text("a,b\n-1,-1\n2,2\n", read={"na_values": {"a": [-1]}})
    assert table["a"].isna().tolist() == [True, False]
    assert table["b"].tolist() == [-1, 2]


def test_na_can_be_a_word(read_text):
    table, _ = read_text("country,n\nNA,1\nDE,2\n", read={"default_na": False})
    assert table["country"].tolist() == ["NA", "DE"]


@pytest.mark.parametrize("chunk", [2, 3, 1000])
def test_a_column_that_is_numeric_first_and_text_later_is_text_throughout(read_text, chunk):
    rows = "\n".join(["1", "02", "3", "4"] * 600 + ["x7"])
    table, reading = read_text(f"a,b\n{rows.replace(chr(10), ',1' + chr(10))},1\n", how={"chunk_rows": chunk})
    assert table["a"].tolist()[:4] == ["1", "02", "3", "4"]
    assert table["a"].iloc[-1] == "x7"
    assert table["b"].dtype == "int64"
    assert any("'x7' in row 2401" in note for note in reading.notes)


def test_integers_with_a_missing_one_are_numbers_in_every_chunk(read_text):
    rows = "\n".join(["1,a"] * 2500 + [",a"])
    table, _ = read_text(f"n,s\n{rows}\n", how={"chunk_rows": 1000})
    assert table["n"].dtype == "float64"
    assert table["n"].isna().sum() == 1


def test_wide_integers_with_a_missing_one_stay_exact(read_text):
    table, _ = read_text("n,s\n9007199254740993,a\n,b\n", read={"dtype": {"n": "int"}})
    assert table["n"].iloc[0] == 9007199254740993
    assert table["n"].isna().tolist() == [False, True]


def test_codes_with_leading_zeros_stay_text_even_when_they_come_late(read_text):
    rows = "\n".join([f"{10000 + i},{i}" for i in range(2400)] + ["00501,2400"])
    table, reading = read_text(f"zip,n\n{rows}\n", how={"chunk_rows": 1000})
    assert table["zip"].iloc[-1] == "00501"
    assert table["zip"].iloc[0] == "10000"
    assert any("leading zeros" in note and "'zip'" in note for note in reading.notes)


@pytest.mark.parametrize("text", ["01", "0.75", "0", "007.5"])
def test_numbers_that_only_begin_with_a_zero_stay_numbers(read_text, text):
    table, _ = read_text(f"a,b\n{text},x\n2,y\n")
    assert table["a"].iloc[0] == float(text)


def test_dtype_int_reads_codes_as_numbers(read_text):
    table, _ = read_text("a,b\n007,x\n", read={"dtype": {"a": "int"}})
    assert table["a"].iloc[0] == 7


def test_no_header(read_text):
    table, _ = read_text("1,x\n2,y\n", read={"header": False})
    assert table.columns.tolist() == ["column_1", "column_2"]
    table, _ = read_text("1,x\n2,y\n", read={"header": False, "names": ["n", "s"]})
    assert table.columns.tolist() == ["n", "s"]
    assert len(table) == 2


def test_skip_rows_comment_quotes_and_columns(read_text):
    text = "exported by a machine\na|b|c\n# a remark\n1|'x|y'|2\n"
    table, _ = read_text(
        text, read={"sep": "|", "skip_rows": 1, "comment": "#", "quotechar": "'", "columns": ["b", "a"]}
    )
    assert table.to_dict("records") == [{"a": 1, "b": "x|y"}]


def test_white_space_separates(read_text):
    table, _ = read_text("a  b\n1   2\n30 4\n", name="t.txt", read={"sep": r"\s+"})
    assert table["a"].tolist() == [1, 30]


def test_empty_rows_and_nameless_columns_are_left_out_and_noted(read_text):
    table, reading = read_text("a;b;;\n1;2;;\n;;;\n3;;;\n;;;\n", read={"sep": ";"})
    assert table.columns.tolist() == ["a", "b"]
    assert len(table) == 2
    assert "2 empty rows were left out." in reading.notes
    assert any(note.startswith("2 columns without a name") for note in reading.notes)


def test_a_nameless_column_with_values_stays(read_text):
    table, _ = read_text(",a\n0,1\n1,2\n")
    assert table.columns.tolist() == ["Unnamed: 0", "a"]


@pytest.mark.parametrize("chunk", [1000, 9999])
def test_a_named_column_without_any_value_stays(read_text, chunk):
    table, _ = read_text("a,b\n" + "1,\n" * 1500, how={"chunk_rows": chunk})
    assert table["b"].isna().all()
    assert table["b"].dtype == "float64"


def test_byte_order_mark_and_utf16(read_text):
    assert read_text("\ufeffname,n\nä,1\n")[0].columns.tolist() == ["name", "n"]
    assert read_text("name,n\nä,1\n".encode("utf-16"))[0]["name"].tolist() == ["ä"]


def test_many_columns_are_read_in_smaller_chunks(read_text):
    header = ",".join(f"c{i}" for i in range(3000))
    row = ",".join(["1"] * 3000)
    table, _ = read_text(header + "\n" + "\n".join([row] * 1500) + "\n")
    assert table.shape == (1500, 3000)


REFUSED = {
    "wrong separator": ("a;b;c\n1;2;3\n", {}, ["a;b;c", 'sep: ";"']),
    "header only": ("a,b\n", {}, ["2 columns but no rows"]),
    "nothing": ("", {}, ["is empty"]),
    "white space": ("\n\n  \n", {}, ["is empty"]),
    "duplicate names": ("a,b,a\n1,2,3\n", {}, ["more than one column named 'a'"]),
    "long row": ("a,b\n1,2\n1,2,3\n", {}, ["Line 3", "3 fields", "has 2"]),
    "short row": ("a,b,c\n1,2,3\n\n1,2\n", {}, ["Line 4", "2 fields", "has 3", "short_rows"]),
    "all rows long": ("a,b\n1,2,3\n4,5,6\n", {}, ["more fields than its header"]),
    "open quote": ('a,b\n1,"2\n3,4\n', {}, ["quote"]),
    "latin text": (
        "name,n\nM\xfcnchen,1\nK\xf6ln,2\n".encode("cp1252") * 30,
        {},
        ["line 2", "0xfc", "encoding: cp1252"],
    ),
    "html": ("<!DOCTYPE html><html><head><title>Sign in</title></head>", {}, ["web page titled 'Sign in'"]),
    "xml": ("<?xml version='1.0'?><rows/>", {}, ["XML"]),
    "parquet as csv": (b"PAR1\x00\x01", {}, ["a Parquet file", "format: parquet"]),
    "unknown column": ("alpha,beta\n1,2\n", {"columns": ["alpa"]}, ["'alpa'", "Did you mean 'alpha'"]),
    "unknown dtype column": ("alpha,beta\n1,2\n", {"dtype": {"gamma": "int"}}, ["'gamma'", "alpha, beta"]),
    "no such kind": ("a,b\nx,2\n", {"dtype": {"a": "int"}}, ["cannot be read"]),
    "unknown encoding": ("a,b\n1,2\n", {"encoding": "utf-99"}, ["'utf-99'"]),
    "too few names": ("1,2\n", {"header": False, "names": ["a"]}, ["1 names", "2 fields"]),
    "skipped all": ("a,b\n1,2\n", {"skip_rows": 9}, ["no rows after the first 9"]),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_is_named_with_its_mend(read_text, case):
    content, options, words = REFUSED[case]
    with pytest.raises(SourceError) as caught:
        read_text(content, read=options)
    assert caught.value.hint
    for word in words:
        assert word in str(caught.value)


def test_short_rows_can_be_filled(read_text):
    table, _ = read_text("a,b,c\n1,2,3\n1,2\n", read={"short_rows": "fill"})
    assert table["c"].isna().tolist() == [False, True]


def test_decimal_commas_that_were_not_declared_are_noted(read_text):
    _, reading = read_text("a;b\n1,5;x\n2,5;y\n", read={"sep": ";"})
    assert any("decimal: ','" in note for note in reading.notes)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"path": "a.csv", "read": {"sheet": "x"}}, "read.sheet means nothing to the format csv"),
        ({"path": "a.xlsx", "read": {"sep": ";"}}, "read.sep means nothing to the format excel"),
        ({"path": "a.csv", "read": {"sep": ";;"}}, "one character"),
        ({"path": "a.csv", "read": {"separator": ";"}}, "Extra inputs"),
        ({"path": "a.csv", "format": "cvs"}, "csv"),
    ],
)
def test_options_are_checked_with_the_spec(spec, words):
    with pytest.raises(ValidationError, match=words.replace(".", r"\.")):
        FileSource.model_validate(spec)


cells = st.one_of(
    st.none(),
    st.integers(-(2**53), 2**53),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(codec="utf-8", exclude_characters="\r\n\x00", exclude_categories=["Cs", "Cc"]), max_size=8),
)


@examples(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.tuples(cells, cells), min_size=1, max_size=12),
    chunk=st.integers(1, 5),
    sep=st.sampled_from(",;\t|"),
)
def test_what_is_written_is_read_whatever_the_chunk(read_text, rows, chunk, sep):
    sink = io.StringIO()
    writer = csv.writer(sink, delimiter=sep, quoting=csv.QUOTE_ALL)
    writer.writerows([("key", "a", "b"), *(("k", *row) for row in rows)])
    options = {"sep": sep, "default_na": False, "dtype": {"a": "str", "b": "str"}}
    table, _ = read_text(sink.getvalue(), read=options, how={"chunk_rows": chunk})
    for name, position in (("a", 0), ("b", 1)):
        wanted = ["" if row[position] is None else str(row[position]) for row in rows]
        assert table[name].fillna("").tolist() == wanted


@examples(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_numbers_are_read_exactly(read_text, values):
    table, _ = read_text("a,b\n" + "".join(f"{value!r},x\n" for value in values))
    assert all(
        math.isclose(left, right, rel_tol=0) for left, right in zip(table["a"].astype(float), values, strict=True)
    )


def test_the_real_files_have_their_real_shapes(read, data_dir):
    air = FileSource.model_validate(
        {
            "path": str(data_dir / "air_quality" / "AirQualityUCI.csv"),
            "read": {"sep": ";", "decimal": ",", "na_values": [-200]},
            "timestamp": {"from": ["Date", "Time"], "format": "%d/%m/%Y %H.%M.%S", "as": "observed_at", "keep": True},
        }
    )
    table, reading = read(air)
    assert table.shape == (9357, 16)
    assert table["CO(GT)"].notna().sum() == 7674
    assert str(table["observed_at"].iloc[0]) == "2004-03-10 18:00:00+00:00"
    assert "114 empty rows were left out." in reading.notes
    spain = FileSource.model_validate(
        {"path": str(data_dir / "energy_mix" / "spain_generation.csv"), "timestamp": {"from": "date", "as": "at"}}
    )
    table, _ = read(spain, chunk_rows=5000)
    assert table.shape == (31_483, 9)
    assert pd.Series(table["at"]).is_monotonic_increasing
    assert str(table["at"].iloc[0]) == "2014-12-31 23:00:00+00:00"


LONG = 2**53 + 1


@pytest.mark.parametrize("chunk", [2, 1000, 100_000])
def test_integers_that_no_double_holds_stay_exact_beside_nulls(read_text, chunk):
    rows = f"{LONG},1\n" * 1200 + ",2\n" + f"{-LONG - 2},3\n" * 900
    table, _ = read_text(f"id,n\n{rows}", how={"chunk_rows": chunk})
    assert table["id"].tolist() == [LONG] * 1200 + [pd.NA] + [-LONG - 2] * 900


@pytest.mark.parametrize("other", ["1.5", "1e300"])
def test_large_numbers_that_are_no_integers_stay_doubles(read_text, other):
    table, _ = read_text(f"x,n\n{LONG},1\n,2\n{other},3\n")
    assert table["x"].dropna().tolist() == [float(LONG), float(other)]


@pytest.mark.parametrize("beside", ["3", ""])
@pytest.mark.parametrize("value", [str(2**63), str(2**64 - 1), "9" * 20, str(-(2**63) - 1), "1.5"])
def test_a_declared_integer_that_is_none_is_refused_and_never_wraps_round(read_text, value, beside):
    with pytest.raises(SourceError):
        read_text(f"a,b\n{value},1\n{beside},2\n", read={"dtype": {"a": "int"}})


def test_declared_integers_may_be_negative(read_text):
    table, _ = read_text(f"a,b\n-5,1\n{-(2**63)},2\n", read={"dtype": {"a": "int"}})
    assert table["a"].tolist() == [-5, -(2**63)]


def test_a_byte_order_mark_is_no_part_of_a_name_when_utf_8_is_named(read_text):
    table, _ = read_text("a,b\né,1\n".encode("utf-8-sig"), read={"encoding": "UTF-8"})
    assert table.columns.tolist() == ["a", "b"]


@pytest.mark.parametrize("content", ["a,b\nx,1\n".encode("utf-16-le"), b"a,b\nx\0y,1\n"])
def test_nul_in_a_text_is_told_and_never_cuts_a_field_off(read_text, content):
    with pytest.raises(SourceError, match=r"character NUL.*utf-16-le"):
        read_text(content)
