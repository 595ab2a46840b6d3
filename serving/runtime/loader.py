"""Brings a version into memory: from the local copy, or from the registry."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from millrace.errors import MillraceError
from millrace.stores.base import ModelRegistry, ModelVersion
from serving.apart.process import Apart
from serving.runtime.heap import give_back
from serving.runtime.loaded_model import LoadedModel
from serving.runtime.model_files import ModelFiles, is_same, open_model
from serving.runtime.predictors.apart import ApartPredictor


class ModelLoader:
    """Loads versions; a call takes as long as its download."""

    def __init__(
        self,
        registry: Callable[[], ModelRegistry],
        files: ModelFiles,
        onnx_threads: int = 1,
        apart: Apart | None = None,
        *,
        pickles: bool = False,
    ) -> None:
        self._registry = registry
        self.files = files
        self._onnx_threads = onnx_threads
        self._apart = apart
        self._pickles = pickles

    @property
    def registry(self) -> ModelRegistry:
        """The registry; the first look at it imports MLflow."""
        return self._registry()

    def opened(self, version: ModelVersion, folder: Path) -> LoadedModel:
        """The model in these files, once it has predicted its example. Raises MillraceError."""
        try:
            return open_model(version, folder, self._onnx_threads, self._apart, pickles=self._pickles)
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
        """The version, for as long as it is in memory: whoever asks for many fills no disk. Raises MillraceError."""
        kept = self._kept(version)
        if kept is not None:
            return self.opened(version, kept)
        lent = self.files.borrowed(version, self.registry.download)
        try:
            model = self.opened(version, lent.path)
        except BaseException:
            lent.remove()
            raise
        if isinstance(model.predictor, ApartPredictor):  # its process may have to open the files again
            weakref.finalize(model.predictor, lent.remove)
        else:
            lent.remove()
        return model

    @contextmanager
    def files_of(self, version: ModelVersion) -> Iterator[Path]:
        """A folder with the version's files: the local copy, or one that lasts as long as the block."""
        kept = self._kept(version)
        if kept is not None:
            yield kept
            return
        lent = self.files.borrowed(version, self.registry.download)
        try:
            yield lent.path
        finally:
            lent.remove()

    def _kept(self, version: ModelVersion) -> Path | None:
        kept = self.files.copy_of(version.name, version.version)
        return kept[1] if kept is not None and is_same(kept[0], version) else None

    def local(self, name: str, number: str) -> LoadedModel | None:
        """The version from its local copy, without asking the registry; None where there is none."""
        found = self.files.copy_of(name, number)
        return None if found is None else self.opened(*found)
