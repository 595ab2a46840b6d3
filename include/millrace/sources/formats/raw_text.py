"""Looks at a delimited file as lines: its first row, rows of another length, digits with leading zeros.

It answers what pandas cannot: pandas fills short rows in silence and drops leading zeros.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from millrace.errors import SourceError
from millrace.sources.options import ReadOptions

_BLOCK = 1 << 22
_OVERLAP = 64
_NO_BYTE_SCAN = ("utf-16", "utf-32")


class RawText:
    """A delimited text file, line by line."""

    def __init__(self, path: Path, encoding: str, sep: str, options: ReadOptions) -> None:
        self.path = path
        self.encoding = encoding
        self.sep = sep
        self.options = options

    def first_row(self) -> list[str]:
        """The fields of the first row after `skip_rows`. Raises SourceError when there is none."""
        for _, row in self._rows():
            return row
        raise SourceError(
            f"{self.path.name} has no rows after the first {self.options.skip_rows} lines.",
            hint="Check read: {skip_rows: …}.",
        )

    def check_lengths(self, names: list[str], shown: str) -> None:
        """Refuse a row with fewer fields than the header, naming its line; longer ones pandas refuses itself."""
        if self.options.short_rows == "fill" or self.sep == r"\s+":
            return
        width = len(names)
        for line, row in self._rows():
            if len(row) < width:
                raise SourceError(
                    f"Line {line} of {shown} has {len(row)} fields, where the header has {width}.",
                    hint="Mend the line, or set read: {short_rows: fill} if the missing fields at its end are null.",
                )

    def may_hold_codes(self) -> bool:
        """Whether any field is a number of three digits or more that begins with a zero; never misses one."""
        if self.encoding.startswith(_NO_BYTE_SCAN) or self.sep == r"\s+":
            return True
        sep = re.escape(self.sep.encode())
        ends = rb"[0-9]{2,}[\"']?(?:" + sep + rb"|[\r\n]|\Z)"
        # Three literal beginnings instead of one alternative: the scan then runs at the speed of a byte search.
        patterns = [
            re.compile(start + b"0" + ends) for start in (sep, rb"\n", re.escape(self.options.quotechar.encode()))
        ]
        return any(pattern.search(block) for block in self._blocks() for pattern in patterns)

    def _blocks(self) -> Iterator[bytes]:
        tail = b"\n"
        with self.path.open("rb") as stream:
            while block := stream.read(_BLOCK):
                yield tail + block
                tail = block[-_OVERLAP:]

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        """The rows that are not blank, each with the number of its last line."""
        csv.field_size_limit(2**31 - 1)
        skip = self.options.skip_rows
        with self.path.open(encoding=self.encoding, newline="") as stream:
            reader = self._reader(islice(stream, skip, None))
            try:
                for row in reader:
                    if row and not (len(row) == 1 and not row[0].strip()):
                        yield skip + reader.line_num, row
            except csv.Error as error:
                raise SourceError(
                    f"{self.path.name} cannot be read as CSV: {error}.", hint="Check read: {quotechar: …}."
                ) from error

    def _reader(self, lines: Iterator[str]) -> csv._reader:  # type: ignore[name-defined]
        comment = self.options.comment
        if comment is not None:
            lines = (line.partition(comment)[0] + ("" if comment not in line else "\n") for line in lines)
        if self.sep == r"\s+":
            lines = (re.sub(r"\s+", " ", line.strip()) for line in lines)
        sep = " " if self.sep == r"\s+" else self.sep
        return csv.reader(lines, delimiter=sep, quotechar=self.options.quotechar)
