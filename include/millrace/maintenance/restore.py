"""Puts a backup back in place: into an installation that is empty, or in place of what is there.

Everything is read and compared with its hash before anything is changed, but for the objects on S3, which only add to
what is there.
"""

from __future__ import annotations

import shutil
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from millrace.connections import mongo_client
from millrace.errors import ConflictError, StorageError
from millrace.local.stack_env import uses_embedded_mlflow
from millrace.maintenance.archive import Archive, Manifest, Part, read_manifest, read_part
from millrace.maintenance.backup import FOLDERS, MLFLOW_PART, PASSING, Told, mlflow_database
from millrace.settings import Settings
from millrace.stores.mongo import MongoStore, explained
from millrace.stores.objects import S3Objects
from millrace.stores.prepare import prepare

TELLING = ("pipelines", "pipeline_runs", "models", "credentials", "audit_log")
"""Collections that are empty in an installation that nobody has used."""
BATCH = 500


def restore(settings: Settings, archive: Archive, replace: bool = False, told: Told = lambda _: None) -> Manifest:
    """Restore; nothing else may use the installation. Raises NotFoundError, ConflictError, StorageError."""
    manifest = read_manifest(archive)
    _refuse_unfit(settings, manifest, replace)
    with tempfile.TemporaryDirectory(prefix="millrace-restore-") as scratch:
        told("reading and checking")
        fetched = {part.name: _fetched(archive, part, Path(scratch)) for part in manifest.parts if not _is_object(part)}
        prepare(settings)
        for part in filter(_is_object, manifest.parts):
            _put_object(settings, archive, part)
        _restore_records(settings, fetched, told)
        if MLFLOW_PART in fetched:
            told("MLflow's database")
            _restore_registry(settings, fetched[MLFLOW_PART])
        _restore_specs(settings, fetched, replace, told)
    return manifest


def _refuse_unfit(settings: Settings, manifest: Manifest, replace: bool) -> None:
    if manifest.bucket != settings.s3_bucket:
        raise ConflictError(
            f"The backup's records name the bucket '{manifest.bucket}', and this installation has "
            f"'{settings.s3_bucket}'.",
            hint=f"Set S3_BUCKET={manifest.bucket} and restore again.",
        )
    if manifest.mlflow == "included" and not uses_embedded_mlflow(settings):
        raise ConflictError(
            "The backup holds the embedded MLflow's database, and MLFLOW_TRACKING_URI names another MLflow.",
            hint="Take MLFLOW_TRACKING_URI away for the restoration.",
        )
    used = [] if replace else _Target(settings).used()
    if used:
        raise ConflictError(
            f"This installation is not empty: there are documents in {', '.join(used)}.",
            hint="Restore into an empty one (another MILLRACE_HOME), or give --replace to lose what is there.",
        )


def _is_object(part: Part) -> bool:
    return part.name.startswith("objects/")


def _fetched(archive: Archive, part: Part, folder: Path) -> Path:
    """The part as a file here, unpacked, after its hash was compared."""
    path = folder / part.name.replace("/", "__")
    pieces = read_part(archive, part)
    with path.open("wb") as file:
        file.writelines(_unzipped(pieces, part.name) if part.name.endswith(".gz") else pieces)
    return path


def _unzipped(pieces: Iterable[bytes], name: str) -> Iterator[bytes]:
    unpacker = zlib.decompressobj(31)
    try:
        for piece in pieces:
            yield unpacker.decompress(piece)
        yield unpacker.flush()
    except zlib.error:
        raise StorageError(f"The file {name} of the backup cannot be unpacked; it is no use.") from None


def _put_object(settings: Settings, archive: Archive, part: Part) -> None:
    with tempfile.TemporaryFile(prefix="millrace-") as file:
        file.writelines(read_part(archive, part))
        S3Objects(settings).write(part.name.removeprefix("objects/"), file)


def _restore_records(settings: Settings, fetched: dict[str, Path], told: Told) -> None:
    target = _Target(settings)
    given = {
        PurePosixPath(name).name.removesuffix(".bson.gz"): path
        for name, path in fetched.items()
        if name.startswith("mongodb/")
    }
    for name in sorted(target.names() | given.keys()):
        told(f"collection {name}")
        target.replace(name, given.get(name))


def _restore_registry(settings: Settings, path: Path) -> None:
    target = mlflow_database(settings)
    target.parent.mkdir(parents=True, exist_ok=True)
    for suffix in ("-wal", "-shm"):
        target.with_name(target.name + suffix).unlink(missing_ok=True)
    beside = target.with_name(f"{target.name}.restored")
    shutil.copyfile(path, beside)
    beside.replace(target)


def _restore_specs(settings: Settings, fetched: dict[str, Path], replace: bool, told: Told) -> None:
    for name, path in fetched.items():
        place, _, file = name.rpartition("/")
        if place not in FOLDERS:
            continue
        target: Path = getattr(settings, FOLDERS[place]) / file
        if target.exists() and target.read_bytes() != path.read_bytes() and not replace:
            told(f"left as it is, since it differs from the backup's: {target}")
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)


class _Target(MongoStore):
    @explained
    def used(self) -> list[str]:
        return [name for name in TELLING if self.collection(name).find_one({}, {"_id": 1}) is not None]

    @explained
    def names(self) -> set[str]:
        database = mongo_client(self._settings)[self._settings.mongodb_database]
        return set(database.list_collection_names()) - PASSING

    @explained
    def replace(self, name: str, path: Path | None) -> None:
        """Let the collection hold just these documents; its indexes stay."""
        import bson

        collection = self.collection(name)
        collection.delete_many({})
        if path is None:
            return
        with path.open("rb") as file:
            batch = []
            for document in bson.decode_file_iter(file, _aware()):
                batch.append(document)
                if len(batch) == BATCH:
                    collection.insert_many(batch)
                    batch = []
            if batch:
                collection.insert_many(batch)


def _aware() -> bson.CodecOptions:  # type: ignore[name-defined]  # noqa: F821
    from bson.codec_options import CodecOptions

    return CodecOptions(tz_aware=True)
