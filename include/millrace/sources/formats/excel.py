"""Reads one sheet of an Excel workbook (.xlsx); a sheet is read whole, as the format allows no other way."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pandas as pd

from millrace.errors import SourceError, did_you_mean
from millrace.sources.base import Reading
from millrace.sources.formats.checks import check_header, check_named_columns, column_names, drop_unnamed, pandas_dtypes
from millrace.sources.formats.opening import TableFile
from millrace.sources.records import mixed_error
from millrace.tables.arrow_types import MixedColumnError, arrow_table
from millrace.tables.spool import Spool

_CODE = re.compile(r"0\d{2,}")
# What openpyxl and the libraries below it raise on a workbook that is cut off or altered.
_DAMAGES = (
    *(zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, SyntaxError),
    *(KeyError, IndexError, ValueError, TypeError, AttributeError),
)


def read_excel(file: TableFile, reading: Reading) -> Iterator[pd.DataFrame]:
    """Yield the sheet in frames of one schema. Raises SourceError."""
    try:
        arrow = arrow_table(_sheet_as_frame(file, reading))
    except MixedColumnError as error:
        raise _mixed(error, file) from error
    rows = reading.chunk_rows
    with Spool() as spool:
        spool.add(arrow)
        drop_unnamed(spool, reading)
        for frame in spool.frames():
            for start in range(0, max(len(frame), 1), rows):
                yield frame.iloc[start : start + rows]


def _sheet_as_frame(file: TableFile, reading: Reading) -> pd.DataFrame:
    try:
        with pd.ExcelFile(file.path, engine="openpyxl") as book:
            sheet = _sheet(book, file, reading)
            names = _names(book, sheet, file)
            return _table(book, sheet, names, file, reading.text_columns)
    except _DAMAGES as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise SourceError(
            f"{file.shown} is a damaged Excel workbook: {reason[0].rstrip('.')}.", hint="Save it again as .xlsx."
        ) from error


def _sheet(book: pd.ExcelFile, file: TableFile, reading: Reading) -> str:
    wanted = file.options.sheet
    names = [str(name) for name in book.sheet_names]
    if isinstance(wanted, int):
        if not 0 <= wanted < len(names):
            raise SourceError(
                f"{file.shown} has {len(names)} sheets, but read.sheet is {wanted}.",
                hint=f"Sheets: {', '.join(names)}.",
            )
        return names[wanted]
    if wanted is not None:
        if wanted not in names:
            raise SourceError(f"{file.shown} has no sheet '{wanted}'.", hint=did_you_mean(wanted, names))
        return wanted
    return _first_with_rows(book, names, file, reading)


def _first_with_rows(book: pd.ExcelFile, names: list[str], file: TableFile, reading: Reading) -> str:
    filled = [name for name in names if not book.parse(name, header=None, nrows=1).empty]
    if not filled:
        raise SourceError(f"All sheets of {file.shown} are empty.", hint="Save the workbook with its data.")
    if len(filled) > 1:
        others = ", ".join(f"'{name}'" for name in filled[1:])
        reading.note(f"Sheet '{filled[0]}' of {file.shown} was read; name another by read: {{sheet: …}} ({others}).")
    return filled[0]


def _names(book: pd.ExcelFile, sheet: str, file: TableFile) -> list[str]:
    options = file.options
    first = book.parse(sheet, header=None, skiprows=options.skip_rows, nrows=1, dtype=object, keep_default_na=False)
    if first.empty:
        raise SourceError(f"Sheet '{sheet}' of {file.shown} is empty.", hint="Name another one by read: {sheet: …}.")
    names = column_names(first.iloc[0].tolist(), options)
    check_header(names, "", file)
    check_named_columns(names, file)
    return names


def _table(
    book: pd.ExcelFile, sheet: str, names: list[str], file: TableFile, text_columns: frozenset[str]
) -> pd.DataFrame:
    options = file.options
    arguments: dict[str, Any] = {
        "header": None,
        "skiprows": options.skip_rows + int(options.header),
        "names": names,
        "na_values": options.na_values or None,
        "keep_default_na": options.default_na,
        "dtype": dict.fromkeys(names, object) | pandas_dtypes(options),
    }
    try:
        table: pd.DataFrame = book.parse(sheet, **arguments)
    except (ValueError, TypeError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise SourceError(
            f"Sheet '{sheet}' of {file.shown} cannot be read: {reason}.", hint="Check the options under 'read'."
        ) from error
    if table.empty:
        raise SourceError(
            f"Sheet '{sheet}' of {file.shown} has a header of {len(names)} columns but no rows.",
            hint="Name another one by read: {sheet: …}.",
        )
    for name in set(names) - set(options.dtype):
        if name in text_columns:
            table[name] = table[name].map(lambda value: value if _is_time(value) else str(value), na_action="ignore")
        else:
            table[name] = _numbers_in_text(table[name])
    return table[options.columns] if options.columns else table


def _is_time(value: Any) -> bool:
    return isinstance(value, datetime)


def _numbers_in_text(values: pd.Series[Any]) -> pd.Series[Any]:
    """Numbers that the sheet holds as text become numbers; digits with leading zeros are codes, and stay text."""
    texts = [value for value in values if isinstance(value, str)]
    if not texts or any(_CODE.fullmatch(text) for text in texts):
        return values if not texts else values.map(_as_code, na_action="ignore")
    try:
        return pd.to_numeric(values) if not any(isinstance(value, bool | datetime) for value in values) else values
    except (ValueError, TypeError):
        return values


def _as_code(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _mixed(error: MixedColumnError, file: TableFile) -> SourceError:
    mend = f"Set read: {{dtype: {{{error.column}: str}}}}, or read: {{na_values: [...]}} if one of them means missing."
    return mixed_error(error, file.shown, mend)
