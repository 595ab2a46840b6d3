"""Finds out how a text file is encoded, and where it is not encoded as it should be."""

from __future__ import annotations

import codecs
from pathlib import Path

from millrace.errors import SourceError

_BLOCK = 1 << 20
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def encoding_of(path: Path, named: str | None, shown: str) -> str:
    """The encoding that the spec names, else the one of the file's byte-order mark, else UTF-8; checked to the end.

    Raises SourceError that names the line, the byte, and the encoding that it looks like.
    """
    marked = _marked(path)
    # Named UTF-8 or not, a mark at the beginning is no part of the first column's name.
    encoding = "utf-8-sig" if marked == "utf-8-sig" and _is_utf8(named) else named or marked or "utf-8"
    try:
        decoder = codecs.getincrementaldecoder(encoding)()
    except LookupError as error:
        raise SourceError(
            f"'{encoding}' is no character encoding that Python knows.",
            hint="Allowed: utf-8, cp1252, latin-1, utf-16, …",
        ) from error
    _check(path, decoder, encoding, shown)
    return encoding


def _is_utf8(named: str | None) -> bool:
    return named is None or named.lower().replace("_", "-") in {"utf-8", "utf8"}


def _marked(path: Path) -> str | None:
    with path.open("rb") as stream:
        head = stream.read(4)
    return next((encoding for mark, encoding in _MARKS if head.startswith(mark)), None)


def _check(path: Path, decoder: codecs.IncrementalDecoder, encoding: str, shown: str) -> None:
    line = 1
    with path.open("rb") as stream:
        while True:
            block = stream.read(_BLOCK)
            try:
                text = decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                line += error.object[: error.start].count(b"\n")
                raise _undecodable(path, error, encoding, line, shown) from error
            if "\0" in text:
                raise _not_text(encoding, line + text[: text.index("\0")].count("\n"), shown)
            if not block:
                return
            line += block.count(b"\n")


def _not_text(encoding: str, line: int, shown: str) -> SourceError:
    return SourceError(
        f"{shown} is not {encoding} text: line {line} holds the character NUL.",
        hint="UTF-16 without a mark looks like that: set read: {encoding: utf-16-le} or utf-16-be.",
    )


def _undecodable(path: Path, error: UnicodeDecodeError, encoding: str, line: int, shown: str) -> SourceError:
    around = bytes(error.object[max(0, error.start - 20_000) : error.start + 20_000])
    likely = _likely(around)
    byte = f"0x{error.object[error.start]:02x}" if error.start < len(error.object) else "end of file"
    hint = f"It looks like {likely}: set read: {{encoding: {likely}}}." if likely else "Is it a text file at all?"
    return SourceError(f"{shown} is not {encoding} text: line {line} holds the byte {byte}.", hint=hint)


def _likely(sample: bytes) -> str | None:
    from charset_normalizer import from_bytes

    # Western exports come first: on a short sample the detector likes exotic code pages as well.
    western = from_bytes(sample, cp_isolation=["cp1252", "latin_1", "utf_8"]).best()
    best = western if western is not None and western.chaos < 0.1 else from_bytes(sample).best()
    return best.encoding.replace("_", "-") if best is not None else None
