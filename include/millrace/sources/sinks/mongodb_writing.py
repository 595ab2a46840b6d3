"""Writes a gathered table into a collection so that every repetition ends in the same state.

append: each document's `_id` is made of the delivery, its content's version and the row, so a row cannot be added
twice; rows of an older version of the delivery go last. replace: a new collection is filled, then renamed in one step.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from pymongo import InsertOne, UpdateOne, errors

from millrace.errors import SinkError, SinkUnavailableError
from millrace.sources.base import Delivery
from millrace.sources.mongodb_reading import explained
from millrace.sources.sinks.delivery_id import delivery_id
from millrace.sources.sinks.spooling import batches, check_key, gathered
from millrace.tables.spool import Spool

if TYPE_CHECKING:
    import pandas as pd
    from pymongo.collection import Collection

    from millrace.sources.sinks.mongodb import MongoDbSink

MARK = "_millrace"
_BATCH = 100  # each call has a time limit, and a busy server that syncs every document may take 200 ms for one
_DUPLICATE = 11000


def write_collection(sink: MongoDbSink, frames: Iterable[pd.DataFrame], delivery: Delivery) -> dict[str, Any]:
    """Write the documents as the sink's mode says. Raises SinkError or SinkUnavailableError."""
    name = f"{sink.database_name}.{sink.collection}"
    with gathered(frames) as spool:
        if sink.mode == "merge":
            check_key(spool, sink.key)
        _check_names(spool.columns)
        with explained(name, SinkError, SinkUnavailableError):
            collection = sink.client()[sink.database_name][sink.collection]
            if sink.mode == "merge":
                _merge(collection, spool, sink.key)
            else:
                {"append": _append, "replace": _replace}[sink.mode](collection, spool, delivery)
        return {"type": "mongodb", "target": name, "mode": sink.mode, "rows": spool.rows}


def _append(collection: Collection[dict[str, Any]], spool: Spool, delivery: Delivery) -> None:
    name, version = delivery_id(delivery), delivery.dataset_version
    collection.create_index(f"{MARK}.delivery")
    mark = {"delivery": name, "version": version}
    prefix = hashlib.sha256(f"{name}\n{version}".encode()).hexdigest()[:24]
    row = 0
    for batch in batches(spool, _BATCH):
        documents = [{"_id": f"{prefix}-{row + i:09d}", **_nested(item), MARK: mark} for i, item in enumerate(batch)]
        row += len(batch)
        _insert_absent(collection, documents)
    collection.delete_many({f"{MARK}.delivery": name, f"{MARK}.version": {"$ne": version}})


def _insert_absent(collection: Collection[dict[str, Any]], documents: list[dict[str, Any]]) -> None:
    """Insert what an earlier attempt did not."""
    try:
        collection.bulk_write([InsertOne(document) for document in documents], ordered=False)
    except errors.BulkWriteError as error:
        others = [item for item in error.details.get("writeErrors", []) if item.get("code") != _DUPLICATE]
        if others:
            raise SinkError(
                f"MongoDB refused a document: {others[0].get('errmsg')}.", hint="Mend the table."
            ) from error


def _replace(collection: Collection[dict[str, Any]], spool: Spool, delivery: Delivery) -> None:
    run = hashlib.sha256(delivery.run_id.encode()).hexdigest()[:12]
    incoming = collection.database[f"{collection.name}__incoming_{run}"]
    incoming.drop()
    for batch in batches(spool, _BATCH):
        incoming.insert_many(map(_nested, batch), ordered=False)
    if not spool.rows:
        collection.delete_many({})
        return
    _copy_indexes(collection, incoming)
    incoming.rename(collection.name, dropTarget=True)


def _copy_indexes(collection: Collection[dict[str, Any]], incoming: Collection[dict[str, Any]]) -> None:
    for name, index in collection.index_information().items():
        if name != "_id_":
            options = {key: value for key, value in index.items() if key not in {"key", "v", "ns"}}
            incoming.create_index(list(index["key"]), name=name, **options)


def _merge(collection: Collection[dict[str, Any]], spool: Spool, key: list[str]) -> None:
    try:
        collection.create_index([(name, 1) for name in key], unique=True)
    except errors.OperationFailure as error:
        if error.code != _DUPLICATE:
            raise
        raise SinkError(
            f"The collection {collection.full_name} holds documents that share a key ({', '.join(key)}) already.",
            hint="Remove the duplicates, or choose another key.",
        ) from error
    for batch in batches(spool, _BATCH):
        updates = [UpdateOne({name: row[name] for name in key}, {"$set": row}, upsert=True) for row in batch]
        collection.bulk_write(updates, ordered=False)


def _check_names(names: Iterable[str]) -> None:
    """MongoDB takes a dot for the way into a nested document, and a leading `$` for an operator."""
    known = set(names)
    for name in known:
        outer = name.split(".")[:-1]
        inside = next((".".join(outer[: i + 1]) for i in range(len(outer)) if ".".join(outer[: i + 1]) in known), None)
        if name.startswith(("$", ".")) or name.endswith(".") or inside is not None:
            why = f"as '{inside}' is a column too" if inside else "with such a name"
            raise SinkError(f"MongoDB cannot hold the column '{name}', {why}.", hint="Rename it by a transform step.")


def _nested(row: dict[str, Any]) -> dict[str, Any]:
    """The row with `a.b` as a nested document, as `$set` makes it too."""
    document: dict[str, Any] = {}
    for name, value in row.items():
        *outer, last = name.split(".")
        place = document
        for part in outer:
            place = place.setdefault(part, {})
        place[last] = value
    return document
