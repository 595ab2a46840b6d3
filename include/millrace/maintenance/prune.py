"""Removes what `retention` lets go, so that a killed removal can be repeated and a run that begins meanwhile is safe.

What may be reused is forgotten first, then everything is looked at again: from there on no run can come to refer to
what goes. A record goes last, after all that only it leads to.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from millrace.errors import RequestError
from millrace.maintenance.inventory import Inventory, take_inventory
from millrace.maintenance.retention import Item, Rules, mentioned, removable
from millrace.settings import Settings
from millrace.stores.artifacts import S3ArtifactStore
from millrace.stores.mlflow_inventory import MlflowInventory
from millrace.stores.mongo import MongoStore, explained

RECORDS = {"run": ("experiments", "data_validations", "pipeline_runs"), "dataset": ("datasets",)}
CHECKS = "monitoring_reports"


@dataclass(frozen=True)
class Pruning:
    """What goes, or would go, and what is left for another time since its pipeline runs just now."""

    items: list[Item]
    postponed: list[Item]

    def count(self, kind: str) -> int:
        """How many of a kind."""
        return sum(item.kind == kind for item in self.items)

    @property
    def size(self) -> int:
        """Bytes on S3."""
        return sum(item.size for item in self.items)


def look(settings: Settings, rules: Rules, now: datetime) -> Pruning:
    """What a pruning would remove now. Raises RequestError for rules that would keep nothing, StorageError."""
    return _found(take_inventory(settings, _checked(rules, now)), rules, now)


def prune(
    settings: Settings,
    rules: Rules,
    now: datetime,
    chosen: Pruning | None = None,
    told: Callable[[Item], None] = lambda _: None,
) -> Pruning:
    """Remove it; with `chosen`, nothing that is not in there. Returns what is gone, and tells of each as it goes.

    Raises as `look` does.
    """
    first = look(settings, rules, now) if chosen is None else chosen
    records = _Records(settings)
    records.forget_reusable(first.items)
    inventory = take_inventory(settings, now)
    allowed = {item.identity for item in first.items}
    found = _found(inventory, rules, now)
    going = [item for item in found.items if item.identity in allowed]
    files, mlflow = S3ArtifactStore(settings), MlflowInventory(settings)
    for item in going:
        files.remove(_manifest_first(inventory.objects.get(item.identity, [])))
        for training in inventory.trainings.get(item.key, []) if item.kind == "run" else []:
            mlflow.remove(training)
        records.remove(item)
        told(item)
    return Pruning(going, found.postponed)


def _checked(rules: Rules, now: datetime) -> datetime:
    if rules.keep is None and rules.older_than is None:
        raise RequestError("Nothing says what may go.", hint="Give --keep N, --older-than 30d, or both.")
    return now


def _found(inventory: Inventory, rules: Rules, now: datetime) -> Pruning:
    items = removable(inventory.items, inventory.roots, rules, now)
    return Pruning(
        items=[item for item in items if item.pipeline not in inventory.busy],
        postponed=[item for item in items if item.pipeline in inventory.busy],
    )


def _manifest_first(keys: list[str]) -> list[str]:
    """A dataset without its manifest does not exist: nobody finds it half removed."""
    return sorted(keys, key=lambda key: (not key.endswith("/manifest.json"), key))


class _Records(MongoStore):
    @explained
    def forget_reusable(self, items: list[Item]) -> None:
        """Forget the stages' outputs that lead to these items, so that no run reuses them any more."""
        going = {name for item in items for name in item.names}
        cache = self.collection("stage_cache")
        gone = [one["_id"] for one in cache.find({}) if not going.isdisjoint(mentioned(one))]
        for first in range(0, len(gone), 1000):
            cache.delete_many({"_id": {"$in": gone[first : first + 1000]}})

    @explained
    def remove(self, item: Item) -> None:
        """The item's own records."""
        for collection in RECORDS.get(item.kind, (CHECKS,)):
            self.collection(collection).delete_one({"_id": item.key})
