"""What the platform's record keeps of champions that no worker loads, because they forecast ahead.

A version never changes, so what was read once is remembered; while MongoDB is away, what was never read is empty.
"""

from __future__ import annotations

from typing import Any

from millrace.errors import StorageError
from millrace.stores.base import RunStore


class ChampionRecords:
    """The records of model versions, by name and version."""

    def __init__(self, runs: RunStore) -> None:
        self._runs = runs
        self._known: dict[tuple[str, str], dict[str, Any]] = {}

    def of(self, name: str, version: str) -> dict[str, Any]:
        """The version's record with task, targets, metrics, run and candidate; empty where there is none."""
        if (name, version) not in self._known:
            try:
                found = self._runs.model_record(name, version)
            except StorageError:
                return {}
            if found is None:
                return {}
            self._known[name, version] = found
        return self._known[name, version]
