"""Brings a version into memory: from the local copy, or from the registry."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from millrace.errors import MillraceError
from millrace.stores.base import ModelRegistry, ModelVersion
from serving.runtime.heap import give_back
from serving.runtime.loaded_model import LoadedModel
from serving.runtime.model_files import ModelFiles, is_same, open_model


class ModelLoader:
    """Loads versions; a call takes as long as its download."""

    def __init__(self, registry: Callable[[], ModelRegistry], files: ModelFiles, onnx_threads: int = 1) -> None:
        self._registry = registry
        self.files = files
        self._onnx_threads = onnx_threads

    @property
    def registry(self) -> ModelRegistry:
        """The registry; the first look at it imports MLflow."""
        return self._registry()

    def opened(self, version: ModelVersion, folder: Path) -> LoadedModel:
        """The model in these files, once it has predicted its example. Raises MillraceError."""
        try:
            return open_model(version, folder, self._onnx_threads)
        finally:
            give_back()

    def fetched(self, version: ModelVersion) -> LoadedModel:
        """The version, with its files kept on disk. Raises MillraceError."""
        folder = self.files.fetch(version, self.registry.download)
        try:
            return self.opened(version, folder)
        except MillraceError:
            self.files.drop(version)  # the copy may be damaged: the next attempt fetches it again
            raise

    def visiting(self, version: ModelVersion) -> LoadedModel:
        """The version, in memory only: whoever asks for many versions fills no disk. Raises MillraceError."""
        with self.files_of(version) as folder:
            return self.opened(version, folder)

    @contextmanager
    def files_of(self, version: ModelVersion) -> Iterator[Path]:
        """A folder with the version's files: the local copy, or one that lasts as long as the block."""
        kept = self.files.copy_of(version.name, version.version)
        if kept is not None and is_same(kept[0], version):
            yield kept[1]
            return
        with tempfile.TemporaryDirectory(prefix="millrace-version-") as folder:
            self.registry.download(version, Path(folder))
            yield Path(folder)

    def local(self, name: str, number: str) -> LoadedModel | None:
        """The version from its local copy, without asking the registry; None where there is none."""
        found = self.files.copy_of(name, number)
        return None if found is None else self.opened(*found)
