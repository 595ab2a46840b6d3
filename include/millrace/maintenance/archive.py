"""Where a backup lies: a folder, or a prefix on S3. Parts are written and read in pieces, each with its hash.

A backup whose manifest is missing does not exist: it is written last.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol

from pydantic import Field, ValidationError

from millrace.errors import NotFoundError, RequestError, StorageError
from millrace.settings import Settings
from millrace.stores.objects import PIECE, S3Objects
from millrace.strict import StrictModel

MANIFEST = "manifest.json"


class Part(StrictModel):
    """One file of a backup."""

    name: str
    bytes: int
    sha256: str


class Manifest(StrictModel):
    """What a backup holds."""

    format: Literal[1] = 1
    made_at: datetime
    millrace: str = Field(description="The version that made it.")
    bucket: str = Field(description="The bucket that its records name.")
    mlflow: Literal["included", "elsewhere"]
    objects: bool = Field(description="Whether the objects on S3 are in it.")
    parts: list[Part]


class Archive(Protocol):
    """One place for a backup."""

    where: str

    def write(self, name: str, pieces: Iterable[bytes]) -> None:
        """Write one file. Raises StorageError."""

    def read(self, name: str) -> Iterator[bytes]:
        """A file's pieces. Raises NotFoundError, StorageError."""


class FolderArchive:
    """A folder, closed to others."""

    def __init__(self, path: Path) -> None:
        self.where = str(path)
        self._path = path

    def write(self, name: str, pieces: Iterable[bytes]) -> None:
        """Write one file. Raises StorageError."""
        path = self._path / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with path.open("wb") as file:
                path.chmod(0o600)
                file.writelines(pieces)
        except OSError as error:
            raise StorageError(f"The backup cannot be written to {path}: {error.strerror}.") from error

    def read(self, name: str) -> Iterator[bytes]:
        """A file's pieces. Raises NotFoundError, StorageError."""
        path = self._path / name
        if not path.is_file():
            raise NotFoundError(f"There is no file {path}.", hint="Name the folder of one whole backup.")
        try:
            with path.open("rb") as file:
                yield from iter(lambda: file.read(PIECE), b"")
        except OSError as error:
            raise StorageError(f"{path} cannot be read: {error.strerror}.") from error


class S3Archive:
    """A prefix in a bucket of the platform's S3."""

    def __init__(self, settings: Settings, bucket: str, prefix: str) -> None:
        self.where = f"s3://{bucket}/{prefix}"
        self._objects, self._prefix = S3Objects(settings, bucket), prefix

    def write(self, name: str, pieces: Iterable[bytes]) -> None:
        """Write one file. Raises StorageError."""
        with tempfile.TemporaryFile(prefix="millrace-") as file:
            file.writelines(pieces)
            self._objects.write(f"{self._prefix}/{name}", file)

    def read(self, name: str) -> Iterator[bytes]:
        """A file's pieces. Raises NotFoundError, StorageError."""
        return self._objects.read(f"{self._prefix}/{name}")


def open_archive(settings: Settings, place: str) -> FolderArchive | S3Archive:
    """The archive at a path or an s3:// address. Raises RequestError."""
    if not place.startswith("s3://"):
        return FolderArchive(Path(place).expanduser().absolute())
    bucket, _, prefix = place.removeprefix("s3://").partition("/")
    if not bucket or not prefix.strip("/"):
        raise RequestError(f"'{place}' names no place for a backup.", hint="Such as s3://bucket/backups/today.")
    return S3Archive(settings, bucket, prefix.strip("/"))


def new_archive(settings: Settings, place: str | None, now: datetime) -> tuple[FolderArchive | S3Archive, bool]:
    """An archive named by the time, at a place or in the platform's bucket; and whether the objects lie elsewhere.

    Raises RequestError.
    """
    here = f"s3://{settings.s3_bucket}/"
    place = (place or f"{here}backups").rstrip("/")
    return open_archive(settings, f"{place}/{now:%Y%m%dT%H%M%SZ}"), not place.startswith(here)


def write_part(archive: Archive, name: str, pieces: Iterable[bytes]) -> Part:
    """Write one file and tell what was written. Raises StorageError."""
    content, size = hashlib.sha256(), 0

    def counted() -> Iterator[bytes]:
        nonlocal size
        for piece in pieces:
            content.update(piece)
            size += len(piece)
            yield piece

    archive.write(name, counted())
    return Part(name=name, bytes=size, sha256=content.hexdigest())


def read_part(archive: Archive, part: Part) -> Iterator[bytes]:
    """A file's pieces. Raises NotFoundError, and at its end StorageError where it is not what was written."""
    content = hashlib.sha256()
    for piece in archive.read(part.name):
        content.update(piece)
        yield piece
    if content.hexdigest() != part.sha256:
        raise StorageError(f"The file {part.name} of {archive.where} has changed since it was written; it is no use.")


def write_manifest(archive: Archive, manifest: Manifest) -> None:
    """Make the backup complete."""
    write_part(archive, MANIFEST, [manifest.model_dump_json(indent=1).encode()])


def read_manifest(archive: Archive) -> Manifest:
    """What is in it. Raises NotFoundError for an incomplete one, StorageError for one that is none."""
    try:
        text = b"".join(archive.read(MANIFEST))
    except NotFoundError:
        raise NotFoundError(
            f"{archive.where} holds no complete backup: it has no {MANIFEST}.", hint="Name the folder of one backup."
        ) from None
    try:
        return Manifest.model_validate_json(text)
    except ValidationError as error:
        raise StorageError(f"{archive.where}/{MANIFEST} is none of this version: {error.errors()[0]['msg']}.") from None
