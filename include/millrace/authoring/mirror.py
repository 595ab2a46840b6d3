"""Copies the present specs from MongoDB to a folder of this machine, from which DAGs, tasks and the service read them.

So nothing that reads a spec waits for a database: while MongoDB is away the copies stay as they are. A copy appears,
changes and goes in one step. Several processes of a machine may copy; one does at a time.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import tempfile
from pathlib import Path

from filelock import FileLock, Timeout

from millrace.errors import MillraceError, StorageError
from millrace.settings import Settings
from millrace.stores.pipelines import MongoPipelines, SpecVersion

log = logging.getLogger(__name__)
WAIT_SECONDS = 10
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


class Mirror:
    """The copies of one machine."""

    def __init__(self, settings: Settings, store: MongoPipelines) -> None:
        self._folder = settings.made_specs_dir
        self._store = store

    def look(self) -> list[str]:
        """Make the copies what MongoDB says; the names of those that changed. Raises StorageError."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with FileLock(self._folder / ".lock", timeout=WAIT_SECONDS):
                return self._copied({found.pipeline: found for found in self._store.present()})
        except Timeout:
            return []  # another process is at it
        except OSError as error:
            raise StorageError(f"The specs cannot be copied to {self._folder}: {error.strerror}.") from error

    def try_look(self) -> None:
        """The same for those who go on either way: what is in the way is logged."""
        try:
            self.look()
        except MillraceError as error:
            log.warning("the specs of made pipelines are not looked at: %s", error)

    def _copied(self, present: dict[str, SpecVersion]) -> list[str]:
        there = {path.stem: path for path in self._folder.glob("*.yaml")}
        changed = []
        for name, path in there.items():
            if name not in present:
                path.unlink(missing_ok=True)
                changed.append(name)
        for name, found in present.items():
            if not _NAME.fullmatch(name):  # written by hand: a name is part of a path here
                log.error("the pipeline %r in MongoDB has no usable name; it is not copied", name)
            elif name not in there or _digest(there[name]) != found.sha256:
                _write(self._folder / f"{name}.yaml", self._store.version(name, found.version).text)
                changed.append(name)
        return sorted(changed)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _write(path: Path, text: str) -> None:
    """Put the text there in one step, its line ends as they are."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        Path(temporary).replace(path)
    finally:
        Path(temporary).unlink(missing_ok=True)
