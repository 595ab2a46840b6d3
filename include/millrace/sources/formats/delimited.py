"""Reads CSV and TSV: any separator, decimal mark and encoding, one type for each column, codes kept as they are.

What pandas would let pass in silence is an error here: rows of another length, a header read with the wrong separator,
two columns of one name.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from millrace.errors import SourceError
from millrace.sources.base import Reading
from millrace.sources.formats.checks import check_header, check_named_columns, column_names, drop_unnamed, pandas_dtypes
from millrace.sources.formats.encoding import encoding_of
from millrace.sources.formats.long_integers import are_integers, far_columns
from millrace.sources.formats.opening import TableFile
from millrace.sources.formats.raw_text import RawText
from millrace.sources.formats.text_columns import note_almost_numbers
from millrace.sources.formats.units import numbers_of
from millrace.tables.arrow_types import MixedColumnError, arrow_table
from millrace.tables.spool import Spool

if TYPE_CHECKING:
    import pyarrow as pa

_CELLS = 4_000_000
"""Cells of one chunk at most, so that a wide table needs no more memory than a narrow one."""
_RAGGED = re.compile(r"Expected (\d+) fields in line (\d+), saw (\d+)")


def read_delimited(file: TableFile, reading: Reading) -> Iterator[pd.DataFrame]:
    """Yield the table in frames of one schema. Raises SourceError."""
    yield from _Delimited(file, reading).frames()


@dataclass
class _Delimited:
    file: TableFile
    reading: Reading

    whole: frozenset[str] = frozenset()
    """Columns of integers that pandas, for the nulls among them, would pass through doubles, which do not hold them."""

    def __post_init__(self) -> None:
        options = self.file.options
        self.encoding = encoding_of(self.file.path, options.encoding, self.file.shown)
        self.sep = options.sep or ("\t" if self.file.form == "tsv" else ",")
        self.raw = RawText(self.file.path, self.encoding, self.sep, options)
        first = self.raw.first_row()
        self.names = column_names(first, options)
        check_header(self.names, self.sep, self.file)
        check_named_columns(self.names, self.file)

    def frames(self) -> Iterator[pd.DataFrame]:
        """The frames, read again with some columns as text where numbers would not do."""
        text = self.reading.text_columns & set(self.names)
        codes: frozenset[str] | None = None
        looked = False
        while True:
            with Spool() as spool:
                self._fill(spool, text)
                more = self._mixed(spool)
                if not more and codes is None:
                    more = codes = self._codes(spool.schema(), text)
                if more:
                    text |= more
                    continue
                if not looked:
                    looked, self.whole = True, self._long_integers(spool)
                    if self.whole:
                        continue
                drop_unnamed(spool, self.reading)
                note_almost_numbers(spool, self.reading, self._meant_as_text() | (codes or frozenset()))
                yield from spool.frames()
                return

    def _meant_as_text(self) -> frozenset[str]:
        return self.reading.text_columns | frozenset(self.file.options.dtype)

    def _fill(self, spool: Spool, text: frozenset[str]) -> None:
        for chunk in self._chunks(text):
            spool.add(arrow_table(chunk))
        if not spool.rows:
            raise SourceError(
                f"{self.file.shown} has a header of {len(self.names)} columns but no rows.",
                hint="Export the table again, or set read: {header: false} if the first line is data.",
            )
        last = spool.columns.get(self.names[-1])
        if last is None or last.nulls:  # a short row leaves its last field null: only then are the lines worth a look
            self.raw.check_lengths(self.names, self.file.shown)

    def _mixed(self, spool: Spool) -> frozenset[str]:
        """Columns whose chunks disagree on the type: they are read again as text, as a single chunk would be."""
        mixed = set()
        for name, column in spool.columns.items():
            try:
                column.unified(name)
            except MixedColumnError:
                mixed.add(name)
        return frozenset(mixed)

    def _codes(self, schema: pa.Schema, text: frozenset[str]) -> frozenset[str]:
        """Columns of digits with leading zeros, such as postal codes: a number would lose them."""
        numeric = [f.name for f in schema if str(f.type) in {"int64", "double"}]
        options = self.file.options
        asked = [name for name in numeric if name not in {*options.dtype, *options.units, *text}]
        if not asked or not self.raw.may_hold_codes():
            return frozenset()
        digits, zeros = dict.fromkeys(asked, True), dict.fromkeys(asked, False)
        for chunk in self._chunks(frozenset(asked), only=asked):
            for name in asked:
                values = chunk[name].dropna().astype(str)
                digits[name] &= bool(values.str.fullmatch(r"\d+").all())
                zeros[name] |= bool(values.str.fullmatch(r"0\d{2,}").any())
        codes = frozenset(name for name in asked if digits[name] and zeros[name])
        for name in sorted(codes):
            self.reading.note(
                f"Column '{name}' holds digits with leading zeros and is read as text; "
                f"set read: {{dtype: {{{name}: int}}}} if they are numbers."
            )
        return codes

    def _long_integers(self, spool: Spool) -> frozenset[str]:
        """Undeclared columns of integers beyond 2^53 that were read as doubles; declared ones that do not fit."""
        declared = [name for name, kind in self.file.options.dtype.items() if kind == "int"]
        doubles, negative = far_columns(spool, declared)
        meant = self._meant_as_text() | frozenset(self.file.options.units)
        asked = [name for name in (*doubles, *negative) if name not in meant or name in negative]
        whole = dict.fromkeys(asked, True)
        for chunk in self._chunks(frozenset(asked), only=asked) if asked else ():
            for name in asked:
                fits, odd = are_integers(chunk[name])
                whole[name] &= fits
                if name in negative and odd is not None:
                    raise SourceError(
                        f"Column '{name}' of {self.file.shown} holds {odd}, which is beyond 64 bits.",
                        hint=f"Set read: {{dtype: {{{name}: str}}}}.",
                    )
        return frozenset(name for name in doubles if whole.get(name))

    def _chunks(self, text: frozenset[str], only: list[str] | None = None) -> Iterator[pd.DataFrame]:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", pd.errors.ParserWarning)
                with pd.read_csv(self.file.path, **self._arguments(text, only)) as reader:
                    for chunk in reader:
                        yield numbers_of(chunk, self.file.options.units, self.file.options.decimal, self.file.shown)
        except pd.errors.EmptyDataError:
            return
        except (pd.errors.ParserError, pd.errors.ParserWarning, TypeError, ValueError, OverflowError) as error:
            raise self._explained(error) from error

    def _arguments(self, text: frozenset[str], only: list[str] | None) -> dict[str, Any]:
        options = self.file.options
        return {
            "sep": self.sep,
            "decimal": options.decimal,
            "thousands": options.thousands,
            "quotechar": options.quotechar,
            "comment": options.comment,
            "encoding": self.encoding,
            "skiprows": options.skip_rows,
            "header": 0 if options.header else None,
            "names": self.names,
            "usecols": only or options.columns,
            "index_col": False,
            "na_values": options.na_values or None,
            "keep_default_na": options.default_na,
            "dtype": dict.fromkeys(self.whole, "Int64")
            | pandas_dtypes(options)
            | dict.fromkeys((*text, *options.units), "str"),
            "chunksize": max(1000, min(self.reading.chunk_rows, _CELLS // len(self.names))),
            "low_memory": False,
            "float_precision": "round_trip",
        }

    def _explained(self, error: Exception) -> SourceError:
        text = str(error).strip()
        shown = self.file.shown
        if ragged := _RAGGED.search(text):
            wanted, line, found = ragged.groups()
            return SourceError(
                f"Line {line} of {shown} has {found} fields, where the header has {wanted}.",
                hint="Mend the line; or put the field in quotes if it contains the separator.",
            )
        if isinstance(error, pd.errors.ParserWarning):
            return SourceError(
                f"The rows of {shown} have more fields than its header, which has {len(self.names)}.",
                hint="Mend the header, or check read: {sep: …, skip_rows: …}.",
            )
        if isinstance(error, TypeError) and "safely cast" in text:
            declared = ", ".join(name for name, kind in self.file.options.dtype.items() if kind == "int")
            return SourceError(
                f"{shown} holds a fraction in a column that read.dtype declares as int ({declared}).",
                hint="Declare it as float.",
            )
        if "EOF inside string" in text:
            return SourceError(
                f"{shown} ends inside a quoted field: a quote is opened and never closed.",
                hint="Fetch the file again; or set read: {quotechar: …} if it does not use this quote.",
            )
        reason = text.splitlines()[0].rstrip(".") if text else type(error).__name__
        return SourceError(f"{shown} cannot be read: {reason}.", hint="Check the options under 'read'.")
