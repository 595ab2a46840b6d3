"""Turns what a person names on the command line - a path, s3://, a database's address - into a source or a sink."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from millrace.cli.failures import CommandError
from millrace.errors import SpecError, did_you_mean
from millrace.sources.base import Sink, Source
from millrace.sources.file import FileSource
from millrace.sources.options import ReadOptions
from millrace.sources.s3 import S3Source
from millrace.sources.sinks.file import FileSink
from millrace.sources.sinks.s3 import S3Sink
from millrace.sources.sinks.sql import SqlSink
from millrace.sources.sql import SqlSource
from millrace.strict import StrictModel

Part = TypeVar("Part", bound=StrictModel)


def source_of(address: str, *, query: str | None = None, table: str | None = None, read: str | None = None) -> Source:
    """The source at an address; `read` is YAML, as a spec has it. Raises CommandError."""
    options = None if read is None else _read_options(read)
    if is_database(address):
        if options is not None:
            raise CommandError("--read is for a file, and a database is none.", hint="Leave it away.")
        return _made(SqlSource, "--input", {"url": address, "query": query, "table": table})
    if query or table:
        raise CommandError(
            f"--query and --table are for a database, and {address} is none.", hint="Write --input postgresql://..."
        )
    if address.startswith("s3://"):
        return _made(S3Source, "--input", {"uri": address, "read": options})
    return _made(FileSource, "--input", {"path": address, "read": options})


def _read_options(text: str) -> dict[str, Any]:
    """The mapping of `--read`. Raises CommandError."""
    from millrace.spec.document import parse_document

    try:
        options = parse_document(text, "--read").data
    except SpecError as error:
        raise CommandError(
            f"--read is no mapping: {text}.", hint="""Write --read '{sep: ";", decimal: ","}'."""
        ) from error
    for name in options:
        if name not in ReadOptions.model_fields:
            raise CommandError(f"--read has no option '{name}'.", hint=did_you_mean(name, ReadOptions.model_fields))
    return options


def sink_of(address: str, *, table: str | None = None, mode: str = "append", rows_per_file: int | None = None) -> Sink:
    """The sink at an address. Raises CommandError."""
    if is_database(address):
        if table is None:
            raise CommandError("Say which table the answers go to.", hint="Give --output-table NAME.")
        return _made(SqlSink, "--output", {"url": address, "table": table, "mode": mode})
    if table is not None:
        raise CommandError(
            f"--output-table is for a database, and {address} is none.", hint="Write --output postgresql://..."
        )
    if address.startswith("s3://"):
        return _made(S3Sink, "--output", {"uri": address, "by": "interval", "rows_per_file": rows_per_file})
    return _made(FileSink, "--output", {"path": address, "rows_per_file": rows_per_file})


def is_database(address: str) -> bool:
    """Whether it is a database's address, such as postgresql://user@host/database."""
    return "://" in address and not address.startswith("s3://")


def rejects_beside(output: str) -> Path | None:
    """Where the rejected rows of a local output go; None where the output is not local."""
    if "://" in output:
        return None
    path = Path(output).expanduser()
    return path.with_name(f"{path.name}.rejects.jsonl")


def _made(kind: type[Part], option: str, values: dict[str, Any]) -> Part:
    try:
        return kind(**{name: value for name, value in values.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        raise CommandError(
            f"{option}: {str(first['msg']).removeprefix('Value error, ')}", hint="See 'millrace score --help'."
        ) from error
