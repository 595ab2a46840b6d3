"""Copies what cannot be made again: specs, records, the registry, and the objects that they name.

Records come first and objects last: what a record names is then in the copy, since objects never change. It may run
while the platform does. Secrets are not in it; the keys of stored credentials are kept apart from what they encrypt.
"""

from __future__ import annotations

import sqlite3
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path

from millrace import __version__
from millrace.local.stack_env import uses_embedded_mlflow
from millrace.maintenance.archive import Archive, Manifest, Part, write_manifest, write_part
from millrace.settings import Settings
from millrace.stores.mongo import MongoStore, explained
from millrace.stores.objects import PIECE, S3Objects

PASSING = frozenset({"locks", "sessions", "reset_tokens", "login_failures"})
"""Collections that mean nothing afterwards: who holds what, who is signed in."""
BACKUPS = "backups/"
MLFLOW_PART = "mlflow/mlflow.db.gz"
FOLDERS = {"specs/pipelines": "millrace_pipelines_dir", "specs/features": "millrace_features_dir"}
_SPEC_FILES = {".yaml", ".yml"}
Told = Callable[[str], None]


def mlflow_database(settings: Settings) -> Path:
    """The embedded MLflow's own file."""
    return settings.millrace_home / "mlflow" / "mlflow.db"


def back_up(
    settings: Settings, archive: Archive, now: datetime, objects: bool = True, told: Told = lambda _: None
) -> Manifest:
    """Write a backup; it is one when the manifest is there. Raises StorageError."""
    parts = [*_specs(settings, archive), *_records(settings, archive, told)]
    has_registry = uses_embedded_mlflow(settings) and mlflow_database(settings).is_file()
    if has_registry:
        told("MLflow's database")
        parts.append(write_part(archive, MLFLOW_PART, zipped(_sqlite_copy(mlflow_database(settings)))))
    if objects:
        told("objects on S3")
        parts += _objects(settings, archive)
    manifest = Manifest(
        made_at=now,
        millrace=__version__,
        bucket=settings.s3_bucket,
        mlflow="included" if has_registry else "elsewhere",
        objects=objects,
        parts=parts,
    )
    write_manifest(archive, manifest)
    return manifest


def zipped(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The pieces as one gzip file."""
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    for piece in pieces:
        yield packer.compress(piece)
    yield packer.flush()


def _specs(settings: Settings, archive: Archive) -> Iterator[Part]:
    for name, setting in FOLDERS.items():
        folder: Path = getattr(settings, setting)
        for path in sorted(folder.glob("*")) if folder.is_dir() else []:
            if path.suffix in _SPEC_FILES and path.is_file():
                yield write_part(archive, f"{name}/{path.name}", [path.read_bytes()])


def _records(settings: Settings, archive: Archive, told: Told) -> Iterator[Part]:
    records = Records(settings)
    for name in records.names():
        told(f"collection {name}")
        yield write_part(archive, f"mongodb/{name}.bson.gz", zipped(records.documents(name)))


def _sqlite_copy(path: Path) -> Iterator[bytes]:
    """A database as it is at one moment, also while others write to it."""
    with tempfile.TemporaryDirectory(prefix="millrace-") as folder:
        copy = Path(folder) / "copy.db"
        with closing(sqlite3.connect(path, timeout=60)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)
        with copy.open("rb") as file:
            yield from iter(lambda: file.read(PIECE), b"")


def _objects(settings: Settings, archive: Archive) -> Iterator[Part]:
    bucket = S3Objects(settings)
    for stored in bucket.listed():
        if not stored.key.startswith(BACKUPS):
            yield write_part(archive, f"objects/{stored.key}", bucket.read(stored.key))


class Records(MongoStore):
    """The collections as they are."""

    @explained
    def names(self) -> list[str]:
        """Those that are worth keeping."""
        from millrace.connections import mongo_client

        database = mongo_client(self._settings)[self._settings.mongodb_database]
        return sorted(set(database.list_collection_names()) - PASSING)

    def documents(self, name: str) -> Iterator[bytes]:
        """A collection's documents as BSON, one after the other. Raises StorageError."""
        import bson
        from pymongo.errors import PyMongoError

        try:
            for document in self.collection(name).find({}):
                yield bson.encode(document)
        except PyMongoError as error:
            raise self.explain(error) from error
