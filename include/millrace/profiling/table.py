"""Opens a table for a look: finds its source options by itself and reads it with the library's own file source."""

from __future__ import annotations

import gzip
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from millrace.errors import DataError, SourceError
from millrace.profiling.dialect import SAMPLE_BYTES, sniff
from millrace.profiling.sentinels import missing_values
from millrace.profiling.workbook import options_of

if TYPE_CHECKING:
    import pandas as pd

    from millrace.sources.options import FormatName

MOST_ROWS = 1_000_000
"""Rows that are looked at; a longer table is judged by its first ones."""


@dataclass
class Table:
    """A table, the source document that reads it again, and what is worth telling."""

    source: dict[str, Any]
    frame: pd.DataFrame
    complete: bool = True
    notes: list[str] = field(default_factory=list)


def open_table(path: Path, sheet: str | None = None) -> Table:
    """Open a .csv, .tsv, .xlsx, .parquet or .json file, also within .gz or .zip. Raises SourceError or DataError."""
    from millrace.sources.options import format_of

    source: dict[str, Any] = {"type": "file", "path": str(path.expanduser().resolve())}
    if not path.is_file():
        return _read(source)  # The source says best what is wrong with the path.
    form = format_of(path.name)
    if form is None:
        form = _format_by_content(path)
        source["format"] = form
    read: dict[str, Any] = {}
    if form in {"csv", "tsv"}:
        read = sniff(_beginning(path), path, "\t" if form == "tsv" else None).as_read_options()
        if form == "tsv":
            read.pop("sep", None)
    elif form == "excel":
        read = options_of(path, sheet)
    table = _read({**source, **({"read": read} if read else {})})
    if form in {"csv", "tsv"}:
        table = _without_units(table)
    return _without_sentinels(table) if form in {"csv", "tsv", "excel"} else table


def _without_units(table: Table) -> Table:
    """The table read again without the units beside its numbers, where all texts of a column are such numbers."""
    from millrace.sources.formats.units import unit_of

    texts = {str(name): table.frame[name].dropna() for name in table.frame if table.frame[name].dtype == object}
    units = {name: unit for name, values in texts.items() if len(values) and (unit := unit_of(values.astype(str)))}
    if not units:
        return table
    try:
        again = _read({**table.source, "read": {**table.source.get("read", {}), "units": units}})
    except SourceError:
        return table  # the notes of the first reading say what the odd value is
    examples = ((name, unit, texts[name].iloc[0], again.frame[name].dropna().iloc[0]) for name, unit in units.items())
    again.notes += [f"{name} is read without its {unit}: {text!r} is {n:g}." for name, unit, text, n in examples]
    return again


def _without_sentinels(table: Table) -> Table:
    """The table read again with the values that mean missing declared, when it has any."""
    found = missing_values(table.frame)
    if not found:
        return table
    again = _read({**table.source, "read": {**table.source.get("read", {}), "na_values": found}})
    again.notes = [note for note in table.notes if note not in again.notes] + again.notes
    again.notes.append(f"{', '.join(map(str, found))} means missing: it repeats far outside all other values.")
    return again


def _read(source: dict[str, Any]) -> Table:
    import pandas as pd
    from pydantic import ValidationError

    from millrace.sources.base import Reading
    from millrace.sources.file import FileSource
    from millrace.sources.reading import read_source

    reading = Reading()
    try:
        frames = read_source(FileSource.model_validate(source), reading)
    except ValidationError as error:
        raise SourceError(f"{source['path']} cannot be read: {error.errors()[0]['msg']}.") from error
    parts, rows = [], 0
    for frame in frames:
        parts.append(frame)
        rows += len(frame)
        if rows >= MOST_ROWS:
            break
    if not rows:
        raise DataError(f"{source['path']} has no rows.", hint="Give a table with at least one row below its header.")
    complete = rows < MOST_ROWS
    return Table(source, pd.concat(parts, ignore_index=True), complete, list(reading.notes))


def _beginning(path: Path) -> bytes:
    """The first bytes of the text, unpacked."""
    try:
        if path.suffix == ".gz":
            with gzip.open(path) as file:
                return file.read(SAMPLE_BYTES)
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive, archive.open(archive.namelist()[0]) as member:
                return member.read(SAMPLE_BYTES)
    except (OSError, EOFError, zipfile.BadZipFile, IndexError):
        return b""  # The source says best what is wrong with the archive.
    with path.open("rb") as plain:
        return plain.read(SAMPLE_BYTES)


def _format_by_content(path: Path) -> FormatName:
    head = _beginning(path)[:4]
    if head == b"PAR1":
        return "parquet"
    if head[:2] == b"PK":
        return "excel"
    return "json" if head[:1] in {b"{", b"["} else "csv"
