"""Writes a gathered table beside its final name, and puts it there in one step when it is complete.

A folder of parts is made anew and exchanged with the old one; a folder that was not written here is never replaced.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from millrace.errors import SinkError
from millrace.sources.sinks.spooling import batches, gathered
from millrace.tables.spool import Spool

if TYPE_CHECKING:
    import pandas as pd

    from millrace.sources.sinks.file import FileSink

MANIFEST = "_millrace.json"
_BATCH = 10_000


def write_file(sink: FileSink, frames: Iterable[pd.DataFrame]) -> dict[str, Any]:
    """Write the file, or the folder of parts. Raises SinkError."""
    target = Path(sink.path).expanduser()
    _check_target(sink, target)
    with gathered(frames) as spool, _explained(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        write = _folder if sink.rows_per_file else _single
        files = write(sink, spool, target)
        return {"type": "file", "target": str(target), "rows": spool.rows, "files": files}


def _single(sink: FileSink, spool: Spool, target: Path) -> int:
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".partial", dir=target.parent)
    os.close(handle)
    waiting = Path(name)
    try:
        _WRITERS[sink.form](spool.tables(), spool.schema(), waiting)
        waiting.chmod(0o666 & ~_umask())
        _synced(waiting)
        waiting.replace(target)
    finally:
        waiting.unlink(missing_ok=True)
    return 1


def _folder(sink: FileSink, spool: Spool, target: Path) -> int:
    waiting = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".partial", dir=target.parent))
    try:
        count = write_parts(spool, sink.rows_per_file or spool.rows, sink.form, waiting)
        waiting.chmod(0o777 & ~_umask())
        _exchanged(waiting, target)
    finally:
        shutil.rmtree(waiting, ignore_errors=True)
    return count


def write_parts(spool: Spool, rows: int, form: str, folder: Path) -> int:
    """Write the parts and, last, what tells that they are complete; returns how many parts there are."""
    count = 0
    for table in spool.groups(rows):
        _WRITERS[form]([table], spool.schema(), folder / f"part-{count:05d}.{form}")
        count += 1
    (folder / MANIFEST).write_text(json.dumps({"rows": spool.rows, "files": count}), "utf-8")
    return count


def _exchanged(waiting: Path, target: Path) -> None:
    if not target.exists():
        waiting.rename(target)
        return
    old = waiting.with_suffix(".old")
    target.rename(old)
    waiting.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def _check_target(sink: FileSink, target: Path) -> None:
    if sink.rows_per_file is None:
        if target.is_dir():
            raise SinkError(f"{target} is a folder.", hint="Name a file, or give rows_per_file for a folder of parts.")
        return
    if target.is_file():
        raise SinkError(f"{target} is a file.", hint="Name a folder for the parts, or leave rows_per_file out.")
    if target.is_dir() and any(target.iterdir()) and not (target / MANIFEST).is_file():
        raise SinkError(
            f"{target} holds files that no earlier delivery wrote.", hint="Name another folder, or empty this one."
        )


@contextmanager
def _explained(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SinkError(
            f"{target} cannot be written: {error.strerror or error}.", hint="Check the folder's rights and free space."
        ) from error


def _csv(tables: Iterable[pa.Table], schema: pa.Schema, path: Path) -> None:
    import pyarrow.csv

    with pyarrow.csv.CSVWriter(path, schema) as writer:
        for table in tables:
            writer.write_table(table)


def _parquet(tables: Iterable[pa.Table], schema: pa.Schema, path: Path) -> None:
    import pyarrow.parquet as pq

    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for table in tables:
            writer.write_table(table)


def _jsonl(tables: Iterable[pa.Table], schema: pa.Schema, path: Path) -> None:
    del schema
    with path.open("w", encoding="utf-8") as file:
        for table in tables:
            with _spooled(table) as spool:
                for batch in batches(spool, _BATCH):
                    file.writelines(json.dumps(row, default=_text, ensure_ascii=False) + "\n" for row in batch)


@contextmanager
def _spooled(table: pa.Table) -> Iterator[Spool]:
    with Spool() as spool:
        spool.add(table)
        yield spool


def _text(value: Any) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _synced(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


_WRITERS: dict[str, Callable[[Iterable[pa.Table], pa.Schema, Path], None]] = {
    "csv": _csv,
    "parquet": _parquet,
    "jsonl": _jsonl,
}
