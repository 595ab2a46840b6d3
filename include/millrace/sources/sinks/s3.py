"""Writes a table as Parquet to S3: one object for each interval or run, replaced as a whole by a repeated write."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from millrace.errors import SinkError, SinkUnavailableError
from millrace.sources.base import Delivery, Sink
from millrace.sources.s3_access import S3Access

if TYPE_CHECKING:
    import pandas as pd


class S3Sink(Sink, S3Access):
    """Parquet under a prefix. An object appears whole or not at all, so a kill leaves the old state or the new one."""

    type: Literal["s3"] = "s3"
    uri: str = Field(description="s3://bucket/prefix.")
    by: Literal["interval", "run"] = Field(
        default="interval",
        description="One object for each data interval (without an interval: one for the whole table), or each run.",
    )

    rows_per_file: int | None = Field(
        default=None,
        ge=1_000,
        description="Write parts of at most so many rows; `_millrace.json` tells they are whole.",
    )

    def write(self, frames: Iterable[pd.DataFrame], delivery: Delivery) -> dict[str, Any]:
        """Write the object of this delivery; the same delivery again replaces it."""
        import tempfile
        from pathlib import Path

        from millrace.sources.s3_files import explained, split_uri

        bucket, prefix = split_uri(self.uri)
        if self.rows_per_file is not None:
            from millrace.sources.sinks.s3_parts import write_s3_parts

            folder_key = "/".join(part for part in (prefix.strip("/"), self._folder(delivery)) if part)
            return write_s3_parts(self, frames, bucket, folder_key)
        key = "/".join(part for part in (prefix.strip("/"), self._folder(delivery), "data.parquet") if part)
        with tempfile.TemporaryDirectory(prefix="millrace-sink-") as folder:
            path = Path(folder) / "data.parquet"
            rows = _write_parquet(frames, path)
            with explained(bucket, SinkError, SinkUnavailableError):
                self.upload(path, bucket, key)
            size = path.stat().st_size
        return {"type": "s3", "target": f"s3://{bucket}/{key}", "rows": rows, "bytes": size}

    def upload(self, path: Any, bucket: str, key: str) -> None:
        """Put a file there; boto3's own error, not the one that wraps it."""
        from boto3.exceptions import S3UploadFailedError

        try:
            self.client().upload_file(str(path), bucket, key)
        except S3UploadFailedError as error:
            raise (error.__cause__ or error.__context__ or error) from error

    def _folder(self, delivery: Delivery) -> str:
        if self.by == "run":
            return f"run={delivery.run_id}"
        if delivery.interval is None:
            return ""
        start, end = (moment.strftime("%Y%m%dT%H%M%SZ") for moment in (delivery.interval.start, delivery.interval.end))
        return f"interval={start}-{end}"


def _write_parquet(frames: Iterable[pd.DataFrame], path: Any) -> int:
    import pyarrow.parquet as pq

    from millrace.sources.sinks.spooling import gathered

    with gathered(frames) as spool, pq.ParquetWriter(path, spool.schema(), compression="zstd") as writer:
        for table in spool.tables():
            writer.write_table(table)
        return spool.rows
