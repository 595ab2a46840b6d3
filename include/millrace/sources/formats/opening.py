"""Makes a local file ready to be read: unpacks gzip and zip, and refuses what is not the format that was promised.

It looks at the first bytes only; whether the rest is sound is for the format's reader to find out.
"""

from __future__ import annotations

import gzip
import re
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from millrace.errors import SourceError, did_you_mean
from millrace.sources.options import FORMATS, FormatName, ReadOptions, format_of

_HEAD = 4096
_TITLE = re.compile(rb"<title[^>]*>\s*(.*?)\s*</title>", re.IGNORECASE | re.DOTALL)
_MAGIC: tuple[tuple[bytes, str, FormatName | None], ...] = (
    (b"PAR1", "a Parquet file", "parquet"),
    (b"PK\x03\x04", "an Excel workbook", "excel"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook (.xls)", None),
    (b"%PDF", "a PDF document", None),
    (b"SQLite format 3", "an SQLite database", None),
    (b"BZh", "a bzip2 archive", None),
    (b"\xfd7zXZ", "an xz archive", None),
    (b"\x28\xb5\x2f\xfd", "a zstd archive", None),
    (b"7z\xbc\xaf", "a 7z archive", None),
)


@dataclass(frozen=True)
class TableFile:
    """A file with a table: where it lies, the name people know it by, and how it is to be read."""

    path: Path
    shown: str
    form: FormatName
    options: ReadOptions


def chosen_format(form: FormatName | None, name: str, shown: str) -> FormatName:
    """The format that the spec names, else the one that the file's name tells. Raises SourceError."""
    found = form or format_of(name)
    if found is None:
        raise SourceError(
            f"The name of {shown} does not tell its format.",
            hint=f"Add format: one of {', '.join(FORMATS)}; or give it an extension such as .csv or .parquet.",
        )
    return found


@contextmanager
def opened(file: TableFile, max_bytes: int | None = None) -> Iterator[TableFile]:
    """The file, unpacked where it is gzip or zip, after a look at its first bytes. Raises SourceError."""
    with tempfile.TemporaryDirectory(prefix="millrace-unpack-") as folder:
        ready = _unpacked(file, Path(folder), max_bytes)
        _look(ready)
        yield ready


def _unpacked(file: TableFile, folder: Path, max_bytes: int | None) -> TableFile:
    head = _head(file.path)
    if head.startswith(b"\x1f\x8b"):
        with gzip.open(file.path) as packed:
            return replace(file, path=_copied(packed, folder / "table", file.shown, "gzip", max_bytes))
    if head.startswith(b"PK") and file.form != "excel" and zipfile.is_zipfile(file.path):
        return _unzipped(file, folder, max_bytes)
    if file.path.suffix == ".gz" or (head.startswith(b"PK") and file.form != "excel"):
        raise _corrupt(file.shown, "gzip" if file.path.suffix == ".gz" else "zip", "its beginning or end is wrong")
    return file


def _unzipped(file: TableFile, folder: Path, max_bytes: int | None) -> TableFile:
    with zipfile.ZipFile(file.path) as archive:
        names = [item.filename for item in archive.infolist() if not item.is_dir()]
        if "[Content_Types].xml" in names:
            return file
        name = _member(names, file)
        try:
            with archive.open(name) as packed:
                path = _copied(packed, folder / "table", file.shown, "zip", max_bytes)
        except (RuntimeError, NotImplementedError) as error:  # encrypted, or an unknown compression
            raise SourceError(f"{file.shown} cannot be unpacked: {error}.", hint="Unpack it by hand.") from error
    return replace(file, path=path, shown=f"{file.shown}:{name}")


def _member(names: list[str], file: TableFile) -> str:
    wanted = file.options.member
    usual = [name for name in names if not name.startswith("__MACOSX/")]
    if wanted is None and len(usual) == 1:
        return usual[0]
    if wanted in names:
        return str(wanted)
    if wanted is not None:
        raise SourceError(f"{file.shown} has no file '{wanted}'.", hint=did_you_mean(wanted, usual))
    raise SourceError(
        f"{file.shown} holds {len(usual)} files, and the spec does not say which one to read.",
        hint=f"Add read: {{member: …}}. Allowed: {', '.join(sorted(usual)[:20])}." if usual else "Put a table into it.",
    )


def _copied(packed: IO[bytes] | gzip.GzipFile, target: Path, shown: str, kind: str, max_bytes: int | None) -> Path:
    try:
        with target.open("wb") as plain:
            while block := packed.read(1 << 20):
                plain.write(block)
                if max_bytes is not None and plain.tell() > max_bytes:
                    raise SourceError(
                        f"{shown} unpacks to more than {max_bytes:,} bytes.", hint="Raise max_bytes if that is right."
                    )
    except (EOFError, gzip.BadGzipFile, zlib.error, zipfile.BadZipFile) as error:
        raise _corrupt(shown, kind, str(error).rstrip(".")) from error
    return target


def _corrupt(shown: str, kind: str, reason: str) -> SourceError:
    return SourceError(f"{shown} is a damaged {kind} file: {reason}.", hint="Fetch or export it again.")


def _head(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(_HEAD)


def _look(file: TableFile) -> None:
    head = _head(file.path)
    if not head.strip():
        raise SourceError(f"{file.shown} is empty ({file.path.stat().st_size} bytes).", hint="Export the table again.")
    _refuse_html(head, file)
    for magic, name, form in _MAGIC:
        if head.startswith(magic) and form != file.form:
            mend = f"Set format: {form}." if form else f"Save the table as {_saved_as(file.form)}."
            raise SourceError(f"{file.shown} is {name}, not {file.form}.", hint=mend)
    needed = {"parquet": b"PAR1", "excel": b"PK\x03\x04"}.get(file.form)
    if needed is not None and not head.startswith(needed):
        raise SourceError(
            f"{file.shown} is not {_saved_as(file.form)}: it begins with {head[:8]!r}.",
            hint="If it is text, set format: csv; else fetch or export it again.",
        )


def _saved_as(form: FormatName) -> str:
    return {"excel": "an Excel workbook (.xlsx)", "parquet": "a Parquet file", "json": "JSON lines"}.get(form, "CSV")


def _refuse_html(head: bytes, file: TableFile) -> None:
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:64].lower()
    if not start.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        if start.startswith(b"<?xml"):
            raise SourceError(f"{file.shown} is an XML document, not {file.form}.", hint="Export the table as CSV.")
        return
    title = _TITLE.search(head)
    named = f" titled '{title[1].decode('utf-8', 'replace')[:80]}'" if title else ""
    raise SourceError(
        f"{file.shown} is a web page{named}, not {file.form}.",
        hint="Use the address of the file itself; a login or error page often stands in its place.",
    )
