"""Fetches objects from S3 to temporary files, and puts S3's refusals into words."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from millrace.errors import MillraceError, SourceError, SourceUnavailableError, did_you_mean
from millrace.sources.masking import first_line

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_NEAR = 20
_DENIED = {"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "403", "ExpiredToken"}


@dataclass(frozen=True)
class S3Object:
    """One object's name and what the listing says of it."""

    bucket: str
    key: str
    size: int
    modified: datetime
    etag: str

    @property
    def uri(self) -> str:
        """The object's s3:// address."""
        return f"s3://{self.bucket}/{self.key}"


def split_uri(uri: str) -> tuple[str, str]:
    """The bucket and the key of an s3:// address."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


@contextmanager
def explained(bucket: str, refused: type[MillraceError], unavailable: type[MillraceError]) -> Iterator[None]:
    """Turn S3's errors into one sentence; `refused` for what a person must mend, `unavailable` for what may pass."""
    try:
        yield
    except ClientError as error:
        raise _of_client_error(error, bucket, refused, unavailable) from error
    except NoCredentialsError as error:
        raise refused(
            "There are no credentials for S3.", hint="Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
        ) from error
    except BotoCoreError as error:
        raise unavailable(
            f"S3 cannot be reached: {first_line(error)}.", hint="Check S3_ENDPOINT_URL, and that the server runs."
        ) from error


def _of_client_error(
    error: ClientError, bucket: str, refused: type[MillraceError], unavailable: type[MillraceError]
) -> MillraceError:
    code = str(error.response.get("Error", {}).get("Code", ""))
    if code == "NoSuchBucket":
        return refused(f"The bucket '{bucket}' is not there.", hint="Make it, or mend its name.")
    if code in _DENIED:
        return refused(
            f"S3 refused the access to the bucket '{bucket}' ({code}).",
            hint="Check the access key, the secret key, and the rights they give.",
        )
    if code in {"NoSuchKey", "404"}:
        return refused(f"An object of the bucket '{bucket}' is not there.", hint="Check its key.")
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500))
    kind = unavailable if status >= 500 or code == "SlowDown" else refused
    return kind(f"S3 refused a call on the bucket '{bucket}': {first_line(error)}.", hint="Check S3's log.")


def listing(client: S3Client, bucket: str, prefix: str) -> list[S3Object]:
    """The objects under a prefix, by key; folders' markers are left out. Raises SourceError."""
    with explained(bucket, SourceError, SourceUnavailableError):
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        found = [
            S3Object(bucket, item["Key"], item["Size"], item["LastModified"], item["ETag"].strip('"'))
            for page in pages
            for item in page.get("Contents", [])
            if not item["Key"].endswith("/")
        ]
    return sorted(found, key=lambda item: item.key)


def find(client: S3Client, bucket: str, key: str) -> S3Object:
    """One object by its key. Raises SourceError that names the nearest keys."""
    for item in listing(client, bucket, key):
        if item.key == key:
            return item
    folder = key.rpartition("/")[0]
    near = [item.key for item in listing(client, bucket, f"{folder}/" if folder else "")][:_NEAR]
    hint = did_you_mean(key, near) if near else f"There is nothing under s3://{bucket}/{folder}."
    raise SourceError(f"s3://{bucket}/{key} is not there.", hint=hint)


@contextmanager
def downloaded(client: S3Client, objects: list[S3Object]) -> Iterator[list[Path]]:
    """The objects as local files, which are removed at the end. Raises SourceError."""
    with tempfile.TemporaryDirectory(prefix="millrace-s3-") as folder:
        paths = [Path(folder) / f"{number:06d}" for number in range(len(objects))]
        for item, path in zip(objects, paths, strict=True):
            with explained(item.bucket, SourceError, SourceUnavailableError):
                client.download_file(item.bucket, item.key, str(path))
        yield paths


def origin_of(objects: list[S3Object]) -> dict[str, Any]:
    """What a run record says of the objects that were read."""
    return {
        "type": "s3",
        "uri": objects[0].uri if len(objects) == 1 else [item.uri for item in objects],
        "bytes": sum(item.size for item in objects),
        "etag": objects[0].etag if len(objects) == 1 else None,
        "modified": max(item.modified for item in objects).isoformat(),
    }
