"""The table in a workbook is found: the one sheet that has one, and the header below a title."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest

from millrace.errors import DataError
from millrace.profiling.table import open_table
from millrace.profiling.workbook import options_of

TABLE = [["Region", "Units", "Price"], *([f"r{n % 3}", n, n / 2] for n in range(30))]


def saved(folder: Path, **sheets: list[list[object]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    book.save(folder / "book.xlsx")
    return folder / "book.xlsx"


@pytest.mark.parametrize(
    ("above", "skipped"),
    [([], {}), ([["Report"], []], {"skip_rows": 2}), ([[], ["Report of May"], ["by us"], []], {"skip_rows": 4})],
)
def test_the_header_is_found_below_a_title(tmp_path: Path, above: list[list[object]], skipped: dict[str, int]) -> None:
    path = saved(tmp_path, Data=[*above, *TABLE], Empty=[])
    assert options_of(path, None) == {"sheet": "Data", **skipped}
    assert list(open_table(path).frame.columns) == TABLE[0]


def test_several_tables_need_a_name(tmp_path: Path) -> None:
    path = saved(tmp_path, May=TABLE, June=[["Report"], *TABLE])
    with pytest.raises(DataError, match="May, June"):
        options_of(path, None)
    assert options_of(path, "June") == {"sheet": "June", "skip_rows": 1}
