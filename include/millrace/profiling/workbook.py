"""Finds the table in an Excel workbook: its sheet, and the lines before its header."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from millrace.errors import DataError, SourceError
from millrace.profiling.dialect import lines_before_table

_LOOKED_AT = 100
"""Lines of a sheet that are looked at."""


def options_of(path: Path, sheet: str | None) -> dict[str, Any]:
    """What a spec must say under `read`. Raises SourceError, and DataError that lists the sheets when several fit."""
    with _opened(path) as book:
        lines = {one.title: _lines(one) for one in book.worksheets if sheet in {None, one.title}}
    if sheet is not None and sheet not in lines:
        return {"sheet": sheet}  # The source says best which sheets there are.
    name = sheet or _only(path, [title for title, found in lines.items() if len(found) >= 2])
    filled = lines[name]
    skipped = filled[lines_before_table([cells for _, cells in filled])][0] if filled else 0
    return {"sheet": name, **({"skip_rows": skipped} if skipped else {})}


def _only(path: Path, filled: list[str]) -> str:
    if len(filled) == 1:
        return filled[0]
    if not filled:
        raise DataError(f"{path} has only empty sheets.", hint="Give a workbook with a table.")
    raise DataError(
        f"{path} has {len(filled)} sheets with a table: which one is it?",
        hint=f"Give --sheet with one of: {', '.join(filled)}.",
    )


def _lines(sheet: Any) -> list[tuple[int, list[str]]]:
    """The first lines that are not empty, each as texts and with how many lines stand before it."""
    rows = itertools.islice(sheet.iter_rows(values_only=True), _LOOKED_AT)
    texts = [["" if cell is None else str(cell) for cell in row] for row in rows]
    return [(before, cells) for before, cells in enumerate(texts) if any(cells)]


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    import openpyxl

    try:
        book = openpyxl.load_workbook(path, read_only=True)
    except Exception as error:
        raise SourceError(
            f"{path} is not a readable Excel workbook ({error}).", hint="Save it again as .xlsx."
        ) from error
    try:
        yield book
    finally:
        book.close()
