"""The dialect of a CSV file is found from its beginning."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millrace.errors import SourceError
from millrace.profiling.dialect import Dialect, sniff

WORDS = st.text("abcdefghij ,;|'äß", min_size=1, max_size=12).map(str.strip).filter(bool)


def sniffed(text: str, tmp_path: Path, encoding: str = "utf-8") -> Dialect:
    path = tmp_path / "table.csv"
    path.write_bytes(text.encode(encoding))
    return sniff(path.read_bytes(), path)


@given(
    separator=st.sampled_from([",", ";", "\t", "|"]),
    rows=st.lists(st.tuples(WORDS, st.floats(0, 1e6), st.integers(0, 999)), min_size=8, max_size=30),
)
def test_the_separator_that_wrote_a_table_is_found(
    tmp_path_factory: pytest.TempPathFactory, separator: str, rows: list[tuple[str, float, int]]
) -> None:
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=separator, quoting=csv.QUOTE_MINIMAL)
    writer.writerow(["name", "value", "count"])
    writer.writerows((name, f"{value:.3f}", count) for name, value, count in rows)
    found = sniffed(buffer.getvalue(), tmp_path_factory.mktemp("csv"))
    assert (found.separator, found.decimal, found.header) == (separator, ".", True)


def test_decimal_commas_are_found_and_thousands_with_them(tmp_path: Path) -> None:
    found = sniffed("a;b\n" + "1.234,5;x\n12,25;y\n" * 10, tmp_path)
    assert (found.separator, found.decimal, found.thousands) == (";", ",", ".")


def test_thousands_commas_in_quotes_are_found(tmp_path: Path) -> None:
    found = sniffed("a,b\n" + '"1,234",x\n"12,250",y\n' * 10, tmp_path)
    assert (found.separator, found.decimal, found.thousands) == (",", ".", ",")


def test_a_list_of_numbers_separated_by_semicolons_is_no_thousands(tmp_path: Path) -> None:
    found = sniffed("a;b\n" + "1,25;2,5\n13,2;4,75\n" * 10, tmp_path)
    assert (found.decimal, found.thousands) == (",", None)


@pytest.mark.parametrize(
    ("encoding", "written"), [("utf-8", None), ("utf-8-sig", None), ("utf-16", None), ("cp1252", "cp1252")]
)
def test_the_encoding_is_found_and_written_only_where_the_file_does_not_say_it(
    tmp_path: Path, encoding: str, written: str | None
) -> None:
    text = "Stadt,Größe,Zufriedenheit\n" + "München,1,gut\nKöln,2,mäßig\nLübeck,3,schön\n" * 30
    found = sniffed(text, tmp_path, encoding)
    assert found.separator == ","
    assert found.as_read_options().get("encoding") == written


def test_a_strange_byte_late_in_a_long_file_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "late.csv"
    path.write_bytes(b"a,b\n" + b"1,Koeln\n" * 60_000 + "2,Köln am Rhein\n".encode("cp1252") * 20)
    assert sniff(path.read_bytes()[:262_144], path).encoding == "cp1252"


def test_binary_content_is_refused_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "image.csv"
    path.write_bytes(bytes(range(256)) * 50)
    with pytest.raises(SourceError, match="is not text"):
        sniff(path.read_bytes(), path)


def test_lines_before_the_table_are_skipped(tmp_path: Path) -> None:
    found = sniffed("Report of March\nmade by hand\nday,count,city\n" + "1,2,Ulm\n3,4,Bonn\n" * 5, tmp_path)
    assert found.as_read_options() == {"skip_rows": 2}


def test_a_table_without_a_header_gets_names(tmp_path: Path) -> None:
    found = sniffed("1.5,2,Ulm\n3.5,4,Bonn\n2.5,4,Bonn\n" * 5, tmp_path)
    assert found.as_read_options() == {"header": False, "names": ["column_1", "column_2", "column_3"]}


def test_single_quotes_are_found(tmp_path: Path) -> None:
    found = sniffed("city,count\n" + "'Ulm, Danube',1\n'Bonn, Rhine',2\n" * 5, tmp_path)
    assert (found.quote, found.separator) == ("'", ",")


def test_an_ordinary_file_needs_no_option(tmp_path: Path) -> None:
    assert sniffed("a,b\n" + "1,2.5\n" * 10, tmp_path).as_read_options() == {}


def test_a_title_filled_up_with_separators_is_no_header(tmp_path: Path) -> None:
    lines = [
        "Export of 2024;;;",
        "",
        "by the office;;;",
        "id;area;price;note",
        *(f"{n};9{n};1{n}0;ok" for n in range(9)),
    ]
    assert sniffed("\n".join(lines), tmp_path).skipped == 3


def test_blank_lines_before_the_header_count_as_lines(tmp_path: Path) -> None:
    lines = ["Export", "", "of 2024", "", "a;b", *(f"{n};{n}" for n in range(9))]
    assert sniffed("\n".join(lines), tmp_path).skipped == 4


def test_a_sparse_first_row_without_a_header_is_data(tmp_path: Path) -> None:
    assert sniffed("1;;;\n" + "1;2;3;4\n" * 8, tmp_path).skipped == 0


@pytest.mark.parametrize(
    ("cells", "decimal"),
    [(("€ 250.000", "€ 90.500"), ","), (("$ 1.25", "$ 90.50"), "."), (("€ 1.250,50", "€ 3,10"), ",")],
)
def test_the_decimal_mark_of_amounts_of_money_is_found(tmp_path: Path, cells: tuple[str, ...], decimal: str) -> None:
    rows = "".join(f"x;{cell}\n" for cell in cells * 5)
    assert sniffed("name;price\n" + rows, tmp_path).decimal == decimal
