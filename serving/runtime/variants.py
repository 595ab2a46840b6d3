"""Holds the versions in memory beside the champions: those that a traffic rule needs, and some that callers ask for.

What a rule needs is loaded ahead, kept on disk, and comes back after a restart without the registry. What a caller
names is loaded when it is asked for first, stays while there is room, and leaves nothing on disk.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from functools import partial

from millrace.errors import MillraceError, NotFoundError, StorageError
from millrace.stores.traffic import CHAMPION
from serving.failures import NotLoadedError
from serving.runtime.loaded_model import LoadedModel
from serving.runtime.loader import ModelLoader
from serving.runtime.manager import ModelManager
from serving.runtime.model_files import is_same
from serving.runtime.pool import BoundedPool
from serving.runtime.retries import Failure, next_failure
from serving.runtime.traffic_rules import TrafficRules

log = logging.getLogger(__name__)
_WAITING = 8
_MOST_FAILURES = 100
Key = tuple[str, str]
"""A model's name and a version's number."""


class Variants:
    """The further versions of one process."""

    def __init__(self, manager: ModelManager, loader: ModelLoader, rules: TrafficRules, most_visiting: int) -> None:
        self._manager, self._loader, self._rules = manager, loader, rules
        self._most_visiting = most_visiting
        self._pinned: dict[Key, LoadedModel] = {}
        self._confirmed: set[Key] = set()
        self._visiting: OrderedDict[Key, LoadedModel] = OrderedDict()
        self._lock, self._loading = threading.Lock(), threading.Lock()
        self._pool = BoundedPool(1, _WAITING)
        self.failures: dict[Key, Failure] = {}
        """The versions that could not be loaded."""

    @property
    def loaded(self) -> list[Key]:
        """The versions in memory beside the champions."""
        with self._lock:
            return [*self._pinned, *self._visiting]

    def number(self, name: str, which: str) -> str:
        """The version that an alias or a number means. Raises NotFoundError, or what the absent champion means."""
        if which == CHAMPION or not self._manager.is_known(name):
            return self._manager.get(name).version.version
        aliases = self._manager.aliases_of(name)
        if which in aliases:
            return aliases[which]
        if which.isascii() and which.isdigit() and len(which) < 10:
            return str(int(which))
        known = ", ".join(sorted({CHAMPION, *aliases}))
        raise NotFoundError(
            f"The model '{name}' has no version called '{which:.70}'.", hint=f"Use a number, or an alias: {known}."
        )

    def find(self, name: str, which: str) -> LoadedModel | None:
        """The version, where it is in memory; waits for nothing. Raises as `number` does."""
        number = self.number(name, which)
        champion = self._manager.models.get(name)
        if champion is not None and champion.version.version == number:
            return champion
        key = (name, number)
        with self._lock:
            found = self._pinned.get(key) or self._visiting.get(key)
            if key in self._visiting:
                self._visiting.move_to_end(key)
        return found

    async def get(self, name: str, which: str) -> LoadedModel:
        """The version, loaded where it must be. Raises NotFoundError, NotLoadedError or OverloadedError."""
        found = self.find(name, which)
        if found is not None:
            return found
        if self._most_visiting == 0:
            raise NotLoadedError(
                f"Version {which} of '{name}' is not in memory, and none is loaded for a caller alone.",
                hint="Give it a share of the traffic, or raise SERVING_VISITING_VERSIONS.",
            )
        return await self._pool.run(partial(self.load, name, which))

    def load(self, name: str, which: str, *, force: bool = False) -> LoadedModel:
        """The version; loads it in this thread. Raises NotFoundError, NotLoadedError, or StorageError."""
        with self._loading:
            found = self.find(name, which)
            if found is not None:
                return found
            key = (name, self.number(name, which))
            failure = self.failures.get(key)
            if failure is not None and not failure.is_due and not force:
                raise _unusable(key, failure.error)
            return self._visitor(key)

    def pinned(self, name: str) -> set[str]:
        """The versions of a model that its traffic rule needs, beside the champion."""
        return {number for label in self._rules.labels(name) if (number := self._known(name, label))}

    def restore(self) -> None:
        """Load what the rules need from the local copies; the registry may be away."""
        for name in self._rules.rules:
            self._manager.remember_aliases(name, self._loader.files.aliases(name))
        self._load_copies(self._wanted())

    def look(self, *, force: bool = False) -> None:
        """Load what the rules need and let go of what they do not need any more."""
        wanted = self._wanted()
        if self._manager.registry_state.error is not None:
            self._load_copies(wanted)  # the registry is away: what is loaded stays
            return
        for name in {name for name, _ in wanted}:
            self._loader.files.note_aliases(name, self._manager.aliases_of(name))
        for key in wanted:
            failure = self.failures.get(key)
            if key not in self._confirmed and (force or failure is None or failure.is_due):
                self._confirm(key)
        with self._lock:
            self._pinned = {key: model for key, model in self._pinned.items() if key in wanted}
        self._confirmed &= wanted
        self.failures = dict(list(self.failures.items())[-_MOST_FAILURES:])

    def close(self) -> None:
        """Load no more."""
        self._pool.close()

    def _wanted(self) -> set[Key]:
        champions = {name: model.version.version for name, model in self._manager.models.items()}
        needed = {(name, number) for name in self._rules.rules for number in self.pinned(name)}
        return {key for key in needed if champions.get(key[0]) != key[1]}

    def _load_copies(self, wanted: set[Key]) -> None:
        for key in wanted - self._pinned.keys():
            try:
                model = self._loader.local(*key)
            except MillraceError as error:
                log.error("the local copy of %s %s cannot be used: %s", *key, error)
                continue
            if model is not None:
                self._pin(key, model)

    def _known(self, name: str, label: str) -> str | None:
        try:
            return self.number(name, label)
        except MillraceError:
            return None

    def _confirm(self, key: Key) -> None:
        """See to it that exactly the registry's version is in memory and on disk."""
        try:
            version = self._loader.registry.version(*key)
            with self._lock:
                present = self._pinned.get(key)
            if present is None or not is_same(present.version, version):
                self._pin(key, self._loader.fetched(version))
        except Exception as error:
            self._note_failure(key, error)
            return
        self._confirmed.add(key)
        self.failures.pop(key, None)

    def _pin(self, key: Key, model: LoadedModel) -> None:
        with self._lock:
            self._pinned = {**self._pinned, key: model}
            self._visiting.pop(key, None)
        log.info("%s: version %s is loaded beside the champion", *key)

    def _visitor(self, key: Key) -> LoadedModel:
        try:
            version = self._loader.registry.version(*key)
        except StorageError:  # the registry is away
            model = self._loader.local(*key)
            if model is None:
                raise
            return self._visit(key, model)
        try:
            model = self._loader.visiting(version)
        except Exception as error:
            raise _unusable(key, self._note_failure(key, error)) from error
        self.failures.pop(key, None)
        return self._visit(key, model)

    def _visit(self, key: Key, model: LoadedModel) -> LoadedModel:
        with self._lock:
            self._visiting[key] = model
            while len(self._visiting) > max(1, self._most_visiting):
                self._visiting.popitem(last=False)
        return model

    def _note_failure(self, key: Key, error: Exception) -> str:
        failure = next_failure(self.failures.get(key), key[1], error)
        self.failures = {**self.failures, key: failure}
        unexpected = None if isinstance(error, MillraceError) else error
        log.error("%s: version %s cannot be loaded: %s", *key, failure.error, exc_info=unexpected)
        return failure.error


def _unusable(key: Key, why: str) -> NotLoadedError:
    return NotLoadedError(f"Version {key[1]} of '{key[0]}' cannot be served: it failed to load.", hint=why)
