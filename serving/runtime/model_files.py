"""Keeps each served model on local disk, so that a restart without MLflow or S3 still serves.

`<root>/<name>/<version>/` holds what the registry gave, `<root>/<name>/current` names the version in use, and
`aliases.json` beside it what the aliases named. A folder without its `version.json`, which is written last, does not
count.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Callable, Collection
from functools import cache, partial
from pathlib import Path
from typing import Any

from millrace.errors import MillraceError, StorageError
from millrace.inputs.signature import example_rows, read_signature
from millrace.stores.base import ModelVersion
from serving.apart.process import Apart
from serving.runtime.codec import Codec
from serving.runtime.estimator_file import EstimatorFile, estimator_file
from serving.runtime.loaded_model import LoadedModel, stated_task
from serving.runtime.predictors.apart import ApartPredictor
from serving.runtime.predictors.base import Predictor
from serving.runtime.predictors.onnx import onnx_predictor
from serving.runtime.scratch import Scratch, sweep

log = logging.getLogger(__name__)
_CARD, _ALIASES = "version.json", "aliases.json"


class ModelFiles:
    """The local copies of model versions."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def fetch(self, version: ModelVersion, download: Callable[[ModelVersion, Path], None]) -> Path:
        """The folder with this version's files; downloads them when they are not there."""
        folder = self._folder(version)
        if is_same(_card(folder), version):
            return folder
        waiting = Scratch(folder.parent)
        try:
            download(version, waiting.path)
            (waiting.path / _CARD).write_text(version.model_dump_json(), "utf-8")
            self._put_in_place(waiting.path, folder, version)
        finally:
            waiting.remove()
        return folder

    def borrowed(self, version: ModelVersion, download: Callable[[ModelVersion, Path], None]) -> Scratch:
        """This version's files in a folder that is nobody's copy, until it is removed."""
        lent = Scratch(self.root)
        try:
            download(version, lent.path)
        except BaseException:
            lent.remove()
            raise
        return lent

    def sweep(self) -> None:
        """Remove what a killed process had begun or borrowed."""
        sweep(self.root)

    def copy_of(self, name: str, number: str) -> tuple[ModelVersion, Path] | None:
        """A version whose files are here, or None."""
        folder = self._place(name, number)
        version = _card(folder)
        return None if version is None else (version, folder)

    def keep(self, version: ModelVersion, also: Collection[str] = ()) -> None:
        """Name this version as the one in use, and remove all but it, the one before it, and those of `also`."""
        folder = self._folder(version)
        before = self._current(folder.parent)
        fresh = folder.parent / f".current-{os.getpid()}"
        fresh.write_text(version.version, "utf-8")
        fresh.replace(folder.parent / "current")
        if before == version.version:
            return
        wanted = {version.version, before, *also}
        for other in folder.parent.iterdir():
            if other.is_dir() and other.name not in wanted and not other.name.startswith("."):
                shutil.rmtree(other, ignore_errors=True)

    def note_aliases(self, name: str, aliases: dict[str, str]) -> None:
        """Keep a model's aliases, for a restart without the registry."""
        if aliases == self.aliases(name):
            return
        home = self._place(name, "-").parent
        home.mkdir(parents=True, exist_ok=True)
        fresh = home / f".aliases-{os.getpid()}"
        fresh.write_text(json.dumps(aliases), "utf-8")
        fresh.replace(home / _ALIASES)

    def aliases(self, name: str) -> dict[str, str]:
        """A model's aliases as they were kept; empty where none were."""
        try:
            found = json.loads((self._place(name, "-").parent / _ALIASES).read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return {str(alias): str(version) for alias, version in found.items()} if isinstance(found, dict) else {}

    def drop(self, version: ModelVersion) -> None:
        """Remove a version's files."""
        shutil.rmtree(self._folder(version), ignore_errors=True)

    def kept(self) -> list[tuple[ModelVersion, Path]]:
        """The version in use of each model, as the last keep left them."""
        found = []
        for home in sorted(self.root.iterdir()) if self.root.is_dir() else []:
            version = _card(home / (self._current(home) or "-"))
            if version is not None:
                found.append((version, home / version.version))
        return found

    def _folder(self, version: ModelVersion) -> Path:
        return self._place(version.name, version.version)

    def _place(self, name: str, number: str) -> Path:
        for part in (name, number):
            if part in {"", ".", ".."} or part.startswith(".") or "/" in part or "\\" in part:
                raise StorageError(f"'{part}' is no name for a model's folder.", hint="Rename the model in MLflow.")
        return self.root / name / number

    def _put_in_place(self, waiting: Path, folder: Path, version: ModelVersion) -> None:
        if folder.exists() and not is_same(_card(folder), version):
            shutil.rmtree(folder)  # an unfinished copy, or another registry's version of the same number
        try:
            waiting.rename(folder)
        except OSError:
            if not is_same(_card(folder), version):  # else another worker was quicker
                raise

    @staticmethod
    def _current(home: Path) -> str | None:
        path = home / "current"
        return path.read_text("utf-8").strip() or None if path.is_file() else None


def open_model(
    version: ModelVersion, folder: Path, threads: int = 1, apart: Apart | None = None, *, pickles: bool = False
) -> LoadedModel:
    """Load a version from its files and let it predict its example. Raises MillraceError that says what is wrong.

    Its compiled form, if it has one, answers with this many threads for one call; else its Pipeline does so in the
    process `apart`, or here without one. `pickles`: whether a file that runs code may be opened.
    """
    try:
        mlmodel = _mlmodel(folder)
        signature, metadata = read_signature(folder, mlmodel), mlmodel.get("metadata") or {}
        codec = Codec(signature)
        file = estimator_file(folder, mlmodel, pickles=pickles)
        fitted = cache(partial(_fitted, file, version.uri))
        predictor: Predictor | None = onnx_predictor(
            version, folder, fitted, codec.decode([signature.example]), threads
        )
        if predictor is None and apart is not None:
            name = f"{version.name} {version.version}"
            predictor = ApartPredictor(apart, name, file, stated_task(version, metadata))
        model = LoadedModel(
            version=version,
            # Whoever answers holds the Pipeline alone: it would take as much memory again for nothing.
            estimator=fitted() if predictor is None else None,
            signature=signature,
            codec=codec,
            metadata=metadata,
            predictor=predictor,
        )
        model.warm_up()
    except MillraceError:
        raise
    except Exception as error:
        raise StorageError(
            f"Version {version.version} of {version.name} cannot be loaded: {type(error).__name__}: {error}.",
            hint="Train it again with this version of Millrace.",
        ) from error
    return model


def fitted_in(folder: Path, name: str, *, pickles: bool = False) -> tuple[Any, dict[str, Any]]:
    """The fitted Pipeline in a version's files, and the rows of its example as columns. Raises MillraceError."""
    try:
        mlmodel = _mlmodel(folder)
        signature = read_signature(folder, mlmodel)
        codec = Codec(signature)
        rows = [signature.example, *(row for row in example_rows(folder, mlmodel) if codec.takes(row))]
        return _fitted(estimator_file(folder, mlmodel, pickles=pickles), name), codec.decode(rows)
    except OSError as error:
        raise StorageError(f"The files of {name} are not here any more.", hint="Try again.") from error


def _fitted(file: EstimatorFile, name: str) -> Any:
    return file.opened(file.path.read_bytes(), name)


def _mlmodel(folder: Path) -> dict[str, Any]:
    from ruamel.yaml import YAML

    document: dict[str, Any] = YAML(typ="safe", pure=True).load((folder / "MLmodel").read_text("utf-8"))
    return document


def _card(folder: Path) -> ModelVersion | None:
    try:
        return ModelVersion.model_validate_json((folder / _CARD).read_text("utf-8"))
    except (OSError, ValueError):
        return None


def is_same(one: ModelVersion | None, other: ModelVersion) -> bool:
    """Whether two cards tell of the same version; aliases move, so they do not count."""
    return one is not None and (one.name, one.version, one.run_id, one.created) == (
        other.name,
        other.version,
        other.run_id,
        other.created,
    )
