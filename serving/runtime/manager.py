"""Holds the models that are served, and brings them in line with the registry's champions.

A version is loaded and warmed up before it takes over; the swap is one assignment, so a request sees the old version or
the new one and never a mixture. A version that fails to load never replaces one that works.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from millrace.errors import MillraceError, NotFoundError, RequestError, did_you_mean
from millrace.stores.base import ModelVersion
from serving.failures import NotLoadedError
from serving.runtime.loaded_model import LoadedModel
from serving.runtime.loader import ModelLoader
from serving.runtime.model_files import is_same
from serving.runtime.retries import Failure, next_failure, sentence_of

log = logging.getLogger(__name__)


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

    def __init__(self, loader: ModelLoader, needed: Callable[[str], list[str]] = lambda _: []) -> None:
        self._loader = loader
        self._needed = needed  # the variants of a model whose local copies are kept too
        self._models: dict[str, LoadedModel] = {}
        self._failures: dict[str, Failure] = {}
        self._confirmed: set[str] = set()
        self._forecasting: dict[str, str] = {}
        self._looking = threading.Lock()
        self._remembered: dict[str, dict[str, str]] = {}
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

    def aliases_of(self, name: str) -> dict[str, str]:
        """A model's aliases as last seen, in this life or, while the registry is away, in an earlier one."""
        known = self.registry_state.aliases
        return self._remembered.get(name, {}) if known is None else known.get(name, {})

    def remember_aliases(self, name: str, aliases: dict[str, str]) -> None:
        """Take a model's aliases as an earlier life saw them."""
        self._remembered = {**self._remembered, name: aliases}

    def is_known(self, name: str) -> bool:
        """Whether the registry has a model of this name, or one serves."""
        return name in self._models or name in (self.registry_state.aliases or {})

    def restore(self) -> None:
        """Serve the local copies; the registry may be away."""
        self._loader.files.sweep()
        for version, folder in self._loader.files.kept():
            try:
                self._take(self._loader.opened(version, folder))
            except MillraceError as error:
                log.error("the local copy of %s %s cannot be served: %s", version.name, version.version, error)

    def look(self, *, force: bool = False) -> None:
        """Ask the registry for its champions and load what changed; `force` retries failed versions at once."""
        with self._looking:
            if force:
                self._confirmed.clear()
            try:
                aliases = self._loader.registry.aliases()
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
        if self._forecasting.get(name) == number:
            return False
        if failure is not None and failure.version == number:
            return force or failure.is_due
        return model is None or model.version.version != number or name not in self._confirmed

    def _try(self, name: str, number: str) -> None:
        try:
            version = self._loader.registry.champion(name)
            if version is None:
                return
            if version.tags.get("millrace.task") == "forecast":  # made ahead, and read from the store
                self._forecasting = {**self._forecasting, name: number}
                self._models = {key: model for key, model in self._models.items() if key != name}
                return
            if not self._serves(version):
                self._take(self._loader.fetched(version))
            elif self._models[name].version != version:  # a tag was changed
                self._models = {**self._models, name: replace(self._models[name], version=version)}
            aliases = self.aliases_of(name)
            self._loader.files.keep(version, {aliases.get(label, label) for label in self._needed(name)})
        except Exception as error:
            self._note_failure(name, number, error)
            return
        self._confirmed.add(name)
        self._failures = {key: value for key, value in self._failures.items() if key != name}

    def forecasts_ahead(self, name: str) -> bool:
        """Whether the champion of this name makes forecasts ahead, which the store serves."""
        return name in self._forecasting

    def is_withdrawn(self, name: str) -> bool:
        """Whether the registry answers and names no champion for a model that still serves."""
        champions = self.registry_state.champions
        return champions is not None and name in self._models and name not in champions

    def _serves(self, version: ModelVersion) -> bool:
        """Whether exactly this version serves already: the same number may come from another registry."""
        model = self._models.get(version.name)
        return model is not None and is_same(model.version, version)

    def _take(self, model: LoadedModel) -> None:
        before = self._models.get(model.name)
        self._models = {**self._models, model.name: model}
        replaced = f", instead of version {before.version.version}" if before else ""
        log.info("%s: version %s serves%s", model.name, model.version.version, replaced)

    def _note_failure(self, name: str, number: str, error: Exception) -> None:
        failure = next_failure(self._failures.get(name), number, error)
        self._failures = {**self._failures, name: failure}
        # The class of error that names its cause needs no stack trace; any other is a fault to look into.
        unexpected = None if isinstance(error, MillraceError) else error
        log.error("%s: version %s failed to load: %s", name, number, failure.error, exc_info=unexpected)

    def _note_absence(self, error: Exception) -> None:
        sentence = sentence_of(error)
        if self.registry_state.error is None:
            log.warning("the registry does not answer; the loaded models go on serving: %s", sentence)
        self.registry_state = RegistryState(True, sentence, self.registry_state.aliases)

    def _absence(self, name: str) -> MillraceError:
        served: dict[str, Any] = {"served": sorted(self._models)}
        champions, failure = self.registry_state.champions, self._failures.get(name)
        if failure is not None:
            sentence = f"The model '{name}' cannot be served: its version {failure.version} failed to load."
            return NotLoadedError(sentence, hint=failure.error, details=served)
        if name in self._forecasting:
            sentence = f"The model '{name}' forecasts ahead and answers no rows."
            return RequestError(sentence, hint=f"Read GET /api/v1/forecasts?pipeline={name}.", details=served)
        if name in (champions or {}):
            return NotLoadedError(f"The model '{name}' is being loaded.", hint="Try again shortly.", details=served)
        if champions is None:
            why = (
                "The registry has not been asked yet." if not self.registry_state.looked else "MLflow does not answer."
            )
            return NotLoadedError(f"The model '{name}' is not loaded. {why}", hint="Try again shortly.", details=served)
        hint = did_you_mean(name, self._models) if self._models else f"No model serves yet: millrace run {name}"
        return NotFoundError(f"There is no model '{name}' with a champion.", hint=hint, details=served)
