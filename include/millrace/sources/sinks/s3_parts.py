"""Writes a large table to S3 as parts; the file that tells they are complete goes away first and comes last."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from millrace.errors import SinkError, SinkUnavailableError
from millrace.sources.s3_files import explained
from millrace.sources.sinks.file_writing import MANIFEST, write_parts
from millrace.sources.sinks.spooling import gathered

if TYPE_CHECKING:
    import pandas as pd

    from millrace.sources.sinks.s3 import S3Sink


def write_s3_parts(sink: S3Sink, frames: Iterable[pd.DataFrame], bucket: str, folder: str) -> dict[str, Any]:
    """Write `part-00000.parquet` and so on under the folder, and remove those of a longer table before it."""
    with tempfile.TemporaryDirectory(prefix="millrace-sink-") as scratch, gathered(frames) as spool:
        count = write_parts(spool, sink.rows_per_file or spool.rows, "parquet", Path(scratch))
        with explained(bucket, SinkError, SinkUnavailableError):
            sink.client().delete_object(Bucket=bucket, Key=_key(folder, MANIFEST))
            names = [f"part-{place:05d}.parquet" for place in range(count)]
            for name in names:
                sink.upload(Path(scratch) / name, bucket, _key(folder, name))
            _remove_others(sink, bucket, folder, set(names))
            sink.upload(Path(scratch) / MANIFEST, bucket, _key(folder, MANIFEST))
        return {"type": "s3", "target": f"s3://{bucket}/{_key(folder, '')}", "rows": spool.rows, "files": count}


def _remove_others(sink: S3Sink, bucket: str, folder: str, kept: set[str]) -> None:
    client = sink.client()
    prefix = _key(folder, "part-")
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for item in page.get("Contents", []):
            if item["Key"].rpartition("/")[2] not in kept:
                client.delete_object(Bucket=bucket, Key=item["Key"])


def _key(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
