"""Keeps immutable datasets and the files of runs on S3.

A dataset lies at `datasets/<pipeline>/<sha256>/`: its Parquet file first, its manifest last. A dataset without a
manifest does not exist, so that a writer killed half-way leaves nothing that anyone can see.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, ParamSpec, TypeVar

from millrace.connections import s3_client
from millrace.errors import DataError, MillraceError, NotFoundError, StorageError
from millrace.settings import Settings
from millrace.stores.base import DatasetRef
from millrace.stores.content_hash import GROUP_ROWS, ContentHash
from millrace.stores.datasets import TABLE, ParquetDataset, first_line, split_uri
from millrace.tables.spool import Spool, spooled

if TYPE_CHECKING:
    import pandas as pd

MANIFEST = "manifest.json"
MOST_REMOVED = 1000
"""How many objects S3 removes at once."""
_MISSING = {"404", "NoSuchKey", "NotFound"}
Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def _explained(call: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Turns what boto3 raises into one sentence that says what to do."""

    @wraps(call)
    def wrapper(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        from boto3.exceptions import Boto3Error
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return call(*args, **kwargs)
        except (BotoCoreError, ClientError, Boto3Error) as error:
            store: S3ArtifactStore = args[0]  # type: ignore[assignment]
            raise store.explain(error) from error

    return wrapper


class S3ArtifactStore:
    """The artifact store of one installation; see `stores.base.ArtifactStore`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.bucket = settings.s3_bucket

    @_explained
    def write_dataset(self, pipeline: str, frames: Iterable[pd.DataFrame]) -> DatasetRef:
        """Store a table under the hash of its content, unless that version is already there.

        Memory is bounded by one frame. Raises DataError for columns that change, StorageError.
        """
        with tempfile.TemporaryDirectory(prefix="millrace-") as folder, _gathered(frames) as spool:
            table_path = Path(folder) / TABLE
            version = _write_parquet(spool, table_path)
            ref = self._reference(pipeline, version, spool)
            if not self.has_dataset(ref.uri):
                self._publish(ref, table_path)
            return ref

    @_explained
    def open_dataset(self, uri: str) -> ParquetDataset:
        """Open a dataset whose manifest is there. Raises NotFoundError."""
        manifest = json.loads(self.get_bytes(uri + MANIFEST))
        return ParquetDataset(self._settings, DatasetRef.model_validate(manifest["dataset"]))

    def has_dataset(self, uri: str) -> bool:
        """Whether the dataset is complete."""
        return self.exists(uri + MANIFEST)

    @_explained
    def put_bytes(self, key: str, content: bytes, content_type: str = "application/octet-stream") -> str:
        """Store a small object; returns its s3:// URI."""
        self._client.put_object(Bucket=self.bucket, Key=key, Body=content, ContentType=content_type)
        return f"s3://{self.bucket}/{key}"

    @_explained
    def put_file(self, key: str, file: IO[bytes]) -> str:
        """Store what a file holds, in parts where it is large; returns its s3:// URI."""
        self._client.upload_fileobj(file, self.bucket, key)
        return f"s3://{self.bucket}/{key}"

    @_explained
    def fetch(self, uri: str, path: Path) -> None:
        """Copy one object to a file. Raises NotFoundError."""
        bucket, key = split_uri(uri)
        self._client.download_file(bucket, key, str(path))

    @_explained
    def put_folder(self, prefix: str, folder: Path) -> str:
        """Store a folder's files under a prefix; returns the prefix's s3:// URI."""
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                self._client.upload_file(str(path), self.bucket, f"{prefix.rstrip('/')}/{path.relative_to(folder)}")
        return f"s3://{self.bucket}/{prefix.rstrip('/')}/"

    @_explained
    def keep_newest(self, prefix: str, count: int) -> list[str]:
        """Remove all but the newest folders under `prefix` (`a/b/`); returns the names of the removed ones.

        A folder is as new as the newest file in it.
        """
        files: dict[str, list[str]] = {}
        newest: dict[str, datetime] = {}
        for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix):
            for item in page.get("Contents", []):
                folder = item["Key"].removeprefix(prefix).partition("/")[0]
                files.setdefault(folder, []).append(item["Key"])
                newest[folder] = max(newest.get(folder, item["LastModified"]), item["LastModified"])
        kept = sorted(files, key=lambda folder: (newest[folder], folder), reverse=True)[:count]
        gone = sorted(set(files) - set(kept))
        for folder in gone:
            self.remove(files[folder])
        return gone

    @_explained
    def remove(self, keys: list[str]) -> None:
        """Remove objects of the platform's bucket by their keys; one that is not there is no error."""
        for first in range(0, len(keys), MOST_REMOVED):
            objects = [{"Key": key} for key in keys[first : first + MOST_REMOVED]]
            answer = self._client.delete_objects(Bucket=self.bucket, Delete={"Objects": objects, "Quiet": True})
            if refused := answer.get("Errors"):
                why = refused[0].get("Message") or refused[0].get("Code")
                raise StorageError(f"S3 did not remove {refused[0]['Key']}: {why}.")

    @_explained
    def get_bytes(self, uri: str) -> bytes:
        """Read one object. Raises NotFoundError."""
        bucket, key = split_uri(uri)
        content: bytes = self._client.get_object(Bucket=bucket, Key=key)["Body"].read()
        return content

    @_explained
    def exists(self, uri: str) -> bool:
        """Whether the object is there."""
        from botocore.exceptions import ClientError

        bucket, key = split_uri(uri)
        try:
            self._client.head_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] in _MISSING:
                return False
            raise
        return True

    @_explained
    def ensure_bucket(self) -> None:
        """Make the platform's bucket if it is not there."""
        from botocore.exceptions import ClientError

        try:
            self._client.head_bucket(Bucket=self.bucket)
        except ClientError as error:
            if error.response["Error"]["Code"] not in {"404", "NoSuchBucket"}:
                raise
            self._client.create_bucket(Bucket=self.bucket)

    def explain(self, error: Exception) -> MillraceError:
        """What boto3 raised, as an error that says what to do."""
        response = getattr(error, "response", None) or getattr(error.__context__, "response", None)
        code = response["Error"]["Code"] if response else ""
        where = self._settings.s3_endpoint
        if code == "NoSuchBucket":
            hint = f"Create the bucket '{self.bucket}', or set S3_BUCKET."
            return StorageError(f"S3 at {where} has no bucket '{self.bucket}'.", hint=hint)
        if code in _MISSING:
            return NotFoundError(
                f"S3 at {where} has no such object in '{self.bucket}'.", hint="Run the pipeline again."
            )
        if code in {"403", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch"}:
            hint = "Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
            return StorageError(f"S3 at {where} refuses these credentials ({code}).", hint=hint)
        hint = "Start it with 'millrace up', or check S3_ENDPOINT_URL; 'millrace doctor' tests every connection."
        return StorageError(f"S3 at {where} does not answer as it should: {first_line(error)}.", hint=hint)

    @property
    def _client(self) -> Any:
        return s3_client(self._settings)

    def _reference(self, pipeline: str, version: str, spool: Spool) -> DatasetRef:
        uri = f"s3://{self.bucket}/datasets/{pipeline}/{version}/"
        columns = {field.name: str(field.type) for field in spool.schema()}
        return DatasetRef(uri=uri, version=version, rows=spool.rows, columns=columns)

    def _publish(self, ref: DatasetRef, table_path: Path) -> None:
        bucket, prefix = split_uri(ref.uri)
        self._client.upload_file(str(table_path), bucket, prefix + TABLE)
        manifest = {
            "dataset": ref.model_dump(mode="json"),
            "files": [{"name": TABLE, "bytes": table_path.stat().st_size}],
            "created_at": datetime.now(UTC).isoformat(),
        }
        self.put_bytes(prefix + MANIFEST, json.dumps(manifest, indent=1).encode(), "application/json")


@contextmanager
def _gathered(frames: Iterable[pd.DataFrame]) -> Iterator[Spool]:
    """The frames of one table in a spool. Raises DataError for columns that change, or that mix kinds."""
    with spooled(_of_same_columns(frames), _of_two_kinds) as spool:
        if not spool.columns:
            raise DataError("The table has no columns and no rows.")
        yield spool


def _of_two_kinds(column: str, value: Any, other: Any) -> DataError:
    return DataError(
        f"The column '{column}' mixes values of several kinds ({value!r} and {other!r}).",
        hint=f"Cast it to one type: {{step: cast, columns: {{{column}: string}}}}, or read it with read.dtype.",
    )


def _of_same_columns(frames: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    before, rows = None, 0
    for frame in frames:
        names = [str(name) for name in frame.columns]
        if before and names != before:
            raise DataError(
                f"The table's columns change after row {rows}: "
                f"{', '.join(sorted(set(names) ^ set(before))) or 'their order'}.",
                hint="All chunks of a table must have the same columns.",
            )
        yield frame
        before, rows = names, rows + len(frame)


def _write_parquet(spool: Spool, path: Path) -> str:
    """Write the table as Parquet, one row group for each group of rows; returns the hash of its content."""
    import pyarrow.parquet as pq

    schema = spool.schema()
    content = ContentHash(schema)
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for group in spool.groups(GROUP_ROWS):
            combined = group.combine_chunks()
            content.update(combined)
            writer.write_table(combined, row_group_size=GROUP_ROWS)
    return content.hexdigest()
