"""How a CSV file is written: encoding, separator, quotes, decimal mark, lines before the header.

It looks at the beginning of the file only; the library's own file source then reads the table with these options.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from millrace.errors import SourceError

SAMPLE_BYTES = 262_144
SAMPLE_LINES = 200
SEPARATORS = (",", ";", "\t", "|")
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_MARKED = {mark[1] for mark in BYTE_ORDER_MARKS}
"""Encodings that the file itself declares, so that a spec need not."""
_POINT = re.compile(r"[+-]?\d*\.\d+(?:[eE][+-]?\d+)?")
_COMMA = re.compile(r"[+-]?\d*,\d+(?:[eE][+-]?\d+)?")
_POINT_GROUPS = re.compile(r"[+-]?\d{1,3}(?:\.\d{3})+(?:,\d+)?")
_COMMA_GROUPS = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_SIGNS = re.compile(r"^[$€£¥₹]\s*|\s*[$€£¥₹%]$")
_NUMBER = re.compile(r"[+-]?(?:\d[\d.,]*|[.,]\d+)(?:[eE][+-]?\d+)?")


@dataclass(frozen=True)
class Dialect:
    """How the file is written; the defaults are those of the file source."""

    encoding: str = "utf-8"
    separator: str = ","
    decimal: str = "."
    thousands: str | None = None
    quote: str = '"'
    skipped: int = 0
    header: bool = True
    fields: int = 1
    ragged: bool = False

    def as_read_options(self) -> dict[str, Any]:
        """What a spec must say under `read`: only what differs from the defaults of the file source."""
        usual = Dialect()
        options = {
            "encoding": (self.encoding, usual.encoding),
            "sep": (self.separator, usual.separator),
            "decimal": (self.decimal, usual.decimal),
            "thousands": (self.thousands, usual.thousands),
            "quotechar": (self.quote, usual.quote),
            "skip_rows": (self.skipped, usual.skipped),
            "header": (self.header, usual.header),
        }
        written: dict[str, Any] = {key: value for key, (value, default) in options.items() if value != default}
        if self.encoding in _MARKED:
            written.pop("encoding", None)
        if not self.header:
            written["names"] = [f"column_{number}" for number in range(1, self.fields + 1)]
        if self.ragged:
            written["short_rows"] = "fill"
        return written


def sniff(content: bytes, path: Path, separator: str | None = None) -> Dialect:
    """The dialect of a file that begins with `content`. Raises SourceError when it is no text."""
    encoding = _encoding(content, path)
    text = content.decode(encoding, errors="replace").lstrip("\ufeff")
    numbered = _complete_lines(text, len(content) >= SAMPLE_BYTES)
    lines = [line for _, line in numbered]
    quote = _quote(lines)
    separator = separator or _separator(lines, quote)
    rows = list(csv.reader(lines, delimiter=separator, quotechar=quote))
    skipped = lines_before_table(rows)
    table = rows[skipped:]
    decimal, thousands = _number_marks(table[1:], separator)
    widths = [len(row) for row in table]
    return Dialect(
        encoding, separator, decimal, thousands, quote, numbered[skipped][0] if skipped else 0, _has_header(table),
        fields=max(widths, default=1), ragged=min(widths, default=1) < max(widths, default=1),
    )  # fmt: skip


def _encoding(content: bytes, path: Path) -> str:
    for mark, name in BYTE_ORDER_MARKS:
        if content.startswith(mark):
            return name
    try:
        # A sample may end within a character: an incremental decoder waits for the rest of it.
        codecs.getincrementaldecoder("utf-8")().decode(content)
        return _whole_file_encoding(path)
    except UnicodeDecodeError:
        return _guessed(content, path)


def _whole_file_encoding(path: Path) -> str:
    """utf-8 unless a later part of the file is not; compressed files were judged by their sample."""
    if path.suffix in {".gz", ".zip"}:
        return "utf-8"
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            try:
                decoder.decode(block)
            except UnicodeDecodeError as error:
                return _guessed(error.object[max(0, error.start - 1000) :], path)
    return "utf-8"


def _guessed(content: bytes, path: Path) -> str:
    from charset_normalizer import from_bytes

    sample = content[:SAMPLE_BYTES]
    # Western exports come first: on a short sample the detector likes exotic code pages as well.
    western = from_bytes(sample, cp_isolation=["cp1252", "utf_8"]).best()
    best = western if western is not None and western.chaos < 0.1 else from_bytes(sample).best()
    if best is None or b"\0" in content[:4096]:
        raise SourceError(f"{path} is not text: no encoding fits it.", hint="Give a CSV, Excel, Parquet or JSON file.")
    return best.encoding.replace("_", "-")


def _complete_lines(text: str, cut: bool) -> list[tuple[int, str]]:
    """The first lines that are not blank, each with how many lines of the file stand before it."""
    lines = text.splitlines()
    if cut and len(lines) > 1:
        lines = lines[:-1]
    return [(before, line) for before, line in enumerate(lines) if line.strip()][:SAMPLE_LINES]


def _quote(lines: list[str]) -> str:
    double = sum(line.count('"') for line in lines)
    single = sum(len(re.findall(r"(?:^|[,;|\t])'[^']*'(?=[,;|\t]|$)", line)) for line in lines)
    return "'" if not double and 2 * single >= len(lines) > 0 else '"'


def _separator(lines: list[str], quote: str) -> str:
    """The separator that cuts most lines into the same number of fields; more fields decide between equals."""
    scores = []
    for separator in SEPARATORS:
        counts = Counter(len(row) for row in csv.reader(lines, delimiter=separator, quotechar=quote))
        fields, agreeing = max(counts.items(), key=lambda item: (item[0] > 1, item[1], item[0]), default=(1, 0))
        share = agreeing / max(1, len(lines))
        scores.append((fields > 1 and share > 0.5, share, fields, separator))
    best = max(scores, key=lambda score: score[:3])
    return best[3] if best[0] else ","


def lines_before_table(rows: list[list[str]]) -> int:
    """How many lines stand before the table: narrower than most lines are, or almost empty."""
    if not rows:
        return 0
    usual = Counter(map(len, rows)).most_common(1)[0][0]
    first = next((index for index, row in enumerate(rows) if len(row) == usual), 0)
    if first > len(rows) // 2:
        return 0
    if _is_mostly_empty(rows[first]):  # a title that a spreadsheet has filled up with separators
        names = next((index for index, row in enumerate(rows) if not _is_mostly_empty(row)), first)
        return names if _names_columns(rows[names]) else first
    return first


def _is_mostly_empty(row: list[str]) -> bool:
    return 2 * sum(bool(cell.strip()) for cell in row) < len(row)


def _names_columns(row: list[str]) -> bool:
    return not any(_NUMBER.fullmatch(cell.strip()) for cell in row)


def _number_marks(rows: list[list[str]], separator: str) -> tuple[str, str | None]:
    """The decimal mark and the thousands mark, by counting which of them the numbers have."""
    written = [cell.strip() for row in rows for cell in row if cell.strip()]
    cells = [_SIGNS.sub("", cell) for cell in written]
    signed = [bare for cell, bare in zip(written, cells, strict=True) if bare != cell and "." in bare]
    point, comma = (sum(bool(form.fullmatch(cell)) for cell in cells) for form in (_POINT, _COMMA))
    points, commas = (sum(bool(form.fullmatch(cell)) for cell in cells) for form in (_POINT_GROUPS, _COMMA_GROUPS))
    if separator != "," and comma and comma > point - points:
        return ",", "." if any(_POINT_GROUPS.fullmatch(cell) and "," in cell for cell in cells) else None
    if separator != "," and signed and all(_POINT_GROUPS.fullmatch(cell) for cell in signed):
        return ",", None  # '€ 250.000': amounts of money have no three decimals
    grouped = [cell for cell in cells if _COMMA_GROUPS.fullmatch(cell)]
    only_groups = commas > 0 and all(_COMMA_GROUPS.fullmatch(c) or "," not in c for c in cells if _NUMBER.fullmatch(c))
    return ".", "," if only_groups and grouped else None


def _has_header(rows: list[list[str]]) -> bool:
    """Whether the first row names columns: it holds no number where the rows below it do."""
    if len(rows) < 2:
        return True
    below = rows[1:50]
    numeric = [
        index
        for index in range(len(rows[0]))
        if sum(bool(_NUMBER.fullmatch(row[index].strip())) for row in below if index < len(row)) > len(below) / 2
    ]
    if not numeric:
        return len(set(rows[0])) == len(rows[0])
    return not all(_NUMBER.fullmatch(rows[0][index].strip()) for index in numeric)
