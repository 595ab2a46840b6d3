"""Holds the models that are served, and brings them in line with the registry's champions.

A version is loaded and warmed up before it takes over; the swap is one assignment, so a request sees the old version or
the new one and never a mixture. A version that fails to load never replaces one that works.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from millrace.errors import MillraceError, NotFoundError, StorageError, did_you_mean
from millrace.stores.base import ModelRegistry, ModelVersion
from serving.failures import NotLoadedError
from serving.runtime.loaded_model import LoadedModel
from serving.runtime.model_files import ModelFiles, open_model

log = logging.getLogger(__name__)
FIRST_PAUSE, LONGEST_PAUSE = 5.0, 300.0


@dataclass(frozen=True)
class Failure:
    """A champion that could not be loaded, and when it is tried again."""

    version: str
    error: str
    attempts: int
    retry_at: float


@dataclass(frozen=True)
class RegistryState:
    """What the last look at the registry gave."""

    looked: bool = False
    error: str | None = None
    aliases: dict[str, dict[str, str]] | None = None
    """Every model's aliases at the last look that succeeded."""

    @property
    def champions(self) -> dict[str, str] | None:
        """The version of each model that has a champion."""
        if self.aliases is None:
            return None
        return {name: str(named["champion"]) for name, named in self.aliases.items() if "champion" in named}


class ModelManager:
    """The models of this process. `look` runs in one thread at a time; `get` is for any thread."""

    def __init__(self, registry: Callable[[], ModelRegistry], files: ModelFiles, onnx_threads: int = 1) -> None:
        self._registry = registry
        self._files = files
        self._onnx_threads = onnx_threads
        self._models: dict[str, LoadedModel] = {}
        self._failures: dict[str, Failure] = {}
        self._confirmed: set[str] = set()
        self._looking = threading.Lock()
        self.registry_state = RegistryState()

    @property
    def models(self) -> dict[str, LoadedModel]:
        """The models that serve, by name."""
        return self._models

    @property
    def failures(self) -> dict[str, Failure]:
        """The champions that do not serve because they failed to load, by name."""
        return self._failures

    def get(self, name: str) -> LoadedModel:
        """The model that serves under this name. Raises NotFoundError or NotLoadedError that say what is served."""
        model = self._models.get(name)
        if model is None:
            raise self._absence(name)
        return model

    def restore(self) -> None:
        """Serve the local copies; the registry may be away."""
        for version, folder in self._files.kept():
            try:
                self._take(open_model(version, folder, self._onnx_threads))
            except MillraceError as error:
                log.error("the local copy of %s %s cannot be served: %s", version.name, version.version, error)

    def look(self, *, force: bool = False) -> None:
        """Ask the registry for its champions and load what changed; `force` retries failed versions at once."""
        with self._looking:
            try:
                aliases = self._registry().aliases()
            except Exception as error:
                self._note_absence(error)
                return
            if self.registry_state.error is not None:
                log.info("the registry answers again")
            self.registry_state = RegistryState(looked=True, aliases=aliases)
            champions = self.registry_state.champions or {}
            self._failures = {n: f for n, f in self._failures.items() if champions.get(n) == f.version}
            for name, number in champions.items():
                if self._is_due(name, number, force):
                    self._try(name, number)

    def _is_due(self, name: str, number: str, force: bool) -> bool:
        model, failure = self._models.get(name), self._failures.get(name)
        if failure is not None and failure.version == number:
            return force or time.monotonic() >= failure.retry_at
        return model is None or model.version.version != number or name not in self._confirmed

    def _try(self, name: str, number: str) -> None:
        try:
            version = self._registry().champion(name)
            if version is None:
                return
            if not self._serves(version):
                self._take(self._opened(version))
            self._files.keep(version)
        except Exception as error:
            self._note_failure(name, number, error)
            return
        self._confirmed.add(name)
        self._failures = {key: value for key, value in self._failures.items() if key != name}

    def is_withdrawn(self, name: str) -> bool:
        """Whether the registry answers and names no champion for a model that still serves."""
        champions = self.registry_state.champions
        return champions is not None and name in self._models and name not in champions

    def _opened(self, version: ModelVersion) -> LoadedModel:
        folder = self._files.fetch(version, self._registry().download)
        try:
            return open_model(version, folder, self._onnx_threads)
        except MillraceError:
            self._files.drop(version)  # the copy may be damaged: the next attempt fetches it again
            raise

    def _serves(self, version: ModelVersion) -> bool:
        """Whether exactly this version serves already: the same number may come from another registry."""
        model = self._models.get(version.name)
        return model is not None and (model.version.version, model.version.run_id, model.version.created) == (
            version.version,
            version.run_id,
            version.created,
        )

    def _take(self, model: LoadedModel) -> None:
        before = self._models.get(model.name)
        self._models = {**self._models, model.name: model}
        replaced = f", instead of version {before.version.version}" if before else ""
        log.info("%s: version %s serves%s", model.name, model.version.version, replaced)

    def _note_failure(self, name: str, number: str, error: Exception) -> None:
        last = self._failures.get(name)
        attempts = last.attempts + 1 if last is not None and last.version == number else 1
        pause = min(FIRST_PAUSE * 2 ** (attempts - 1), LONGEST_PAUSE)
        failure = Failure(number, _sentence(error), attempts, time.monotonic() + pause)
        self._failures = {**self._failures, name: failure}
        # The class of error that names its cause needs no stack trace; any other is a fault to look into.
        unexpected = None if isinstance(error, MillraceError) else error
        log.error("%s: version %s failed to load: %s", name, number, failure.error, exc_info=unexpected)

    def _note_absence(self, error: Exception) -> None:
        sentence = _sentence(error)
        if self.registry_state.error is None:
            log.warning("the registry does not answer; the loaded models go on serving: %s", sentence)
        self.registry_state = RegistryState(True, sentence, self.registry_state.aliases)

    def _absence(self, name: str) -> MillraceError:
        served: dict[str, Any] = {"served": sorted(self._models)}
        champions, failure = self.registry_state.champions, self._failures.get(name)
        if failure is not None:
            sentence = f"The model '{name}' cannot be served: its version {failure.version} failed to load."
            return NotLoadedError(sentence, hint=failure.error, details=served)
        if name in (champions or {}):
            return NotLoadedError(f"The model '{name}' is being loaded.", hint="Try again shortly.", details=served)
        if champions is None:
            why = (
                "The registry has not been asked yet." if not self.registry_state.looked else "MLflow does not answer."
            )
            return NotLoadedError(f"The model '{name}' is not loaded. {why}", hint="Try again shortly.", details=served)
        hint = did_you_mean(name, self._models) if self._models else f"No model serves yet: millrace run {name}"
        return NotFoundError(f"There is no model '{name}' with a champion.", hint=hint, details=served)


def _sentence(error: Exception) -> str:
    if isinstance(error, MillraceError):
        return str(error)
    return str(StorageError(f"{type(error).__name__}: {(str(error).splitlines() or ['no message'])[0]}."))
