"""Lists what an installation holds as items of `retention`: runs with all that they left, datasets, checks.

A run is one item: its record, its files on S3, its training runs in MLflow. It reads, and changes nothing.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from millrace.maintenance.retention import Item, mentioned
from millrace.settings import Settings
from millrace.stores.mlflow_inventory import MlflowInventory
from millrace.stores.mongo import Document, MongoStore, explained
from millrace.stores.objects import S3Objects, Stored
from millrace.stores.runs import last_heard_of

ABANDONED = timedelta(days=2)
"""A run that nothing has been heard of for this long does not count as under way, whatever its record says."""
ENDED = {"success", "failed"}
LONG_AGO = datetime.min.replace(tzinfo=UTC)
_DATASET = re.compile(r"datasets/(?P<place>.+)/(?P<version>[0-9a-f]{64})/[^/]+")
_RUN_FILE = re.compile(r"(?:runs|validations/[^/]+)/(?P<run>[^/]+)/.+")
_TRAINING_FILE = re.compile(r"mlflow/.+?/(?P<run>[0-9a-f]{32})/.+")
_NEVER_GO = ("models", "traffic", "live_quality")
"""Collections whose every document is kept, and with it what it refers to."""


@dataclass
class Pile:
    """What lies on S3 under one name."""

    keys: list[str] = field(default_factory=list)
    size: int = 0
    newest: datetime = LONG_AGO

    def add(self, stored: Stored) -> None:
        """One more object."""
        self.keys.append(stored.key)
        self.size += stored.size
        self.newest = max(self.newest, stored.at)


@dataclass
class Inventory:
    """The items, what must stay with all that it mentions, and where the items' parts are."""

    items: list[Item]
    roots: set[str]
    objects: dict[tuple[str, str], list[str]]
    trainings: dict[str, list[str]]
    """MLflow's training runs of each run."""
    busy: set[str]
    """Pipelines with a run under way."""


class _Records(MongoStore):
    @explained
    def all(self, collection: str, wanted: Document | None = None) -> list[Document]:
        return list(self.collection(collection).find(wanted or {}))


def take_inventory(settings: Settings, now: datetime) -> Inventory:
    """Everything there is. Raises StorageError."""
    records = _Records(settings)
    runs = {run["_id"]: run for run in records.all("pipeline_runs")}
    mlflow = MlflowInventory(settings)
    trainings: dict[str, list[str]] = defaultdict(list)
    ended: dict[str, int] = defaultdict(int)
    for training in mlflow.trainings():
        trainings[training.run_id].append(training.mlflow_run_id)
        ended[training.run_id] = max(ended[training.run_id], training.ended)
    owners = {one: run_id for run_id, ids in trainings.items() for one in ids}
    piles = _piles(settings, owners)
    last = _last_successes(runs.values())
    names = {*runs, *trainings, *(key for kind, key in piles if kind == "run")}
    items = [
        _run_item(name, runs.get(name), trainings[name], ended[name], piles.get(("run", name)), name in last, now)
        for name in sorted(names)
    ]
    items += [_dataset_item(key, pile) for (kind, key), pile in piles.items() if kind == "dataset"]
    items += [_check_item(report) for report in records.all("monitoring_reports")]
    return Inventory(
        items=items,
        roots=_roots(records, mlflow),
        objects={identity: pile.keys for identity, pile in piles.items()},
        trainings=trainings,
        busy={run["pipeline"] for run in runs.values() if _under_way(run, now)},
    )


def _piles(settings: Settings, owners: dict[str, str]) -> dict[tuple[str, str], Pile]:
    piles: dict[tuple[str, str], Pile] = defaultdict(Pile)
    for prefix in ("datasets/", "runs/", "validations/", "mlflow/"):
        for stored in S3Objects(settings).listed(prefix):
            identity = _identity(stored.key, owners)
            if identity is not None:
                piles[identity].add(stored)
    return dict(piles)


def _identity(key: str, owners: dict[str, str]) -> tuple[str, str] | None:
    """The item that an object belongs to; None for what is never touched."""
    if found := _DATASET.fullmatch(key):
        return "dataset", f"{found['place']}/{found['version']}"
    if found := _RUN_FILE.fullmatch(key):
        return "run", found["run"]
    found = _TRAINING_FILE.fullmatch(key)
    return ("run", owners[found["run"]]) if found and found["run"] in owners else None


def _run_item(
    name: str, record: Document | None, trainings: list[str], ended: int, pile: Pile | None, last: bool, now: datetime
) -> Item:
    moments = [last_heard_of(record)] if record else []
    moments += [datetime.fromtimestamp(ended / 1000, UTC)] if ended else []
    moments += [pile.newest] if pile else []
    return Item(
        kind="run",
        key=name,
        pipeline=record["pipeline"] if record else name.partition("--")[0],
        at=max(moments, default=now),
        names=frozenset({name, *trainings}),
        mentions=frozenset(mentioned(record)) if record else frozenset(),
        held=last or (record is not None and _under_way(record, now)),
        size=pile.size if pile else 0,
    )


def _dataset_item(key: str, pile: Pile) -> Item:
    place, _, version = key.rpartition("/")
    return Item("dataset", key, place.partition("/")[0], pile.newest, frozenset({version}), size=pile.size)


def _check_item(report: Document) -> Item:
    names = frozenset({report["_id"]})
    return Item("check", report["_id"], report["pipeline"], report["at"], names, frozenset(mentioned(report)))


def _last_successes(runs: Any) -> set[str]:
    """The newest successful run of each pipeline, and the newest that has a good table: later ones compare with it."""
    newest: dict[tuple[str, bool], Document] = {}
    for run in sorted(runs, key=lambda run: run["created_at"]):
        has_table = run["stages"].get("validate", {}).get("status") == "success"
        if has_table or run["status"] == "success":
            newest[run["pipeline"], has_table] = run
    return {run["_id"] for run in newest.values()}


def _roots(records: _Records, mlflow: MlflowInventory) -> set[str]:
    documents: list[Any] = [*mlflow.versions(), *records.all("alerts", {"status": {"$ne": "resolved"}})]
    for collection in _NEVER_GO:
        documents += records.all(collection)
    return {name for document in documents for name in mentioned(document)}


def _under_way(run: Document, now: datetime) -> bool:
    return run["status"] not in ENDED and last_heard_of(run) > now - ABANDONED
