"""The traffic rules that this worker follows: as MongoDB has them, or as a copy on disk remembers them."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path
from typing import Protocol

from pydantic import TypeAdapter

from millrace.errors import StorageError
from millrace.stores.traffic import TrafficRule

log = logging.getLogger(__name__)
AWAY_SECONDS = 10.0
_COPY = TypeAdapter(dict[str, TrafficRule])


class RuleStore(Protocol):
    """Where the rules are; `millrace.stores.traffic` is the one in use."""

    def all(self) -> dict[str, TrafficRule]:
        """Every model's rule, by name. Raises StorageError."""


class TrafficRules:
    """The rules of one worker. `look` runs in one thread at a time; `rules` is for any."""

    def __init__(self, store: RuleStore, copy: Path) -> None:
        self._store = store
        self._copy = copy
        self._not_before = 0.0
        self.rules: dict[str, TrafficRule] = {}
        self.error: str | None = None
        """Why the last look failed, or None."""

    def labels(self, name: str) -> list[str]:
        """The variants that a model's rule needs, by alias or number; empty without a rule."""
        rule = self.rules.get(name)
        return [] if rule is None else rule.variants

    def restore(self) -> None:
        """Take the rules from the copy on disk: MongoDB may be away."""
        try:
            self.rules = _COPY.validate_json(self._copy.read_bytes())
        except FileNotFoundError:
            return
        except (OSError, ValueError) as error:
            log.error("the copy of the traffic rules cannot be read: %s", error)

    def look(self, *, force: bool = False) -> None:
        """Ask MongoDB; while it is away, the rules stay and it is asked less often."""
        if not force and time.monotonic() < self._not_before:
            return
        try:
            found = self._store.all()
        except StorageError as error:
            if self.error is None:
                log.warning("the traffic rules stay as they are: %s", error)
            self.error, self._not_before = str(error), time.monotonic() + AWAY_SECONDS
            return
        self.error = None
        if found != self.rules:
            self._take(found)

    def take(self, rule: TrafficRule) -> None:
        """Follow a rule that was just stored, without waiting for the next look."""
        known = self.rules.get(rule.name)
        if known is None or known.revision < rule.revision:
            self._take({**self.rules, rule.name: rule})

    def _take(self, rules: dict[str, TrafficRule]) -> None:
        self.rules = rules
        log.info("traffic rules: %s", {name: rule.setting() for name, rule in rules.items() if not rule.is_plain})
        fresh = self._copy.with_suffix(f".{os.getpid()}")
        try:
            self._copy.parent.mkdir(parents=True, exist_ok=True)
            fresh.write_bytes(_COPY.dump_json(rules))
            fresh.replace(self._copy)
        except OSError as error:
            log.error("the traffic rules cannot be kept on disk: %s", error)
