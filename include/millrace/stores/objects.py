"""A bucket as it is: all its objects, read and written in pieces. What they mean is no business of this module."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import IO

from millrace.connections import s3_client
from millrace.settings import Settings
from millrace.stores.artifacts import S3ArtifactStore

PIECE = 1 << 20


@dataclass(frozen=True)
class Stored:
    """One object."""

    key: str
    size: int
    at: datetime


class S3Objects:
    """The objects of one bucket; the platform's own where none is named."""

    def __init__(self, settings: Settings, bucket: str | None = None) -> None:
        self._settings = settings
        self.bucket = bucket or settings.s3_bucket

    def listed(self, prefix: str = "") -> Iterator[Stored]:
        """All under a prefix, in the order of their keys. Raises StorageError."""
        token: dict[str, str] = {}
        while True:
            with self._explained():
                page = s3_client(self._settings).list_objects_v2(Bucket=self.bucket, Prefix=prefix, **token)  # type: ignore[arg-type]
            for item in page.get("Contents", []):
                yield Stored(item["Key"], item["Size"], item["LastModified"])
            if not page.get("IsTruncated"):
                return
            token = {"ContinuationToken": page["NextContinuationToken"]}

    def read(self, key: str) -> Iterator[bytes]:
        """An object's pieces. Raises NotFoundError, StorageError."""
        with self._explained():
            body = s3_client(self._settings).get_object(Bucket=self.bucket, Key=key)["Body"]
        while True:
            with self._explained():
                piece = body.read(PIECE)
            if not piece:
                return
            yield piece

    def write(self, key: str, content: IO[bytes]) -> None:
        """Store what an open file holds. Raises StorageError."""
        content.seek(0)
        with self._explained():
            s3_client(self._settings).upload_fileobj(content, self.bucket, key)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        from boto3.exceptions import Boto3Error
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except (BotoCoreError, ClientError, Boto3Error) as error:
            raise S3ArtifactStore(self._settings).explain(error) from error
