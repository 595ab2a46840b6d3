"""Runs a MongoDB query, turns its documents into frames, and puts the server's refusals into words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from bson import Decimal128, ObjectId
from bson.errors import BSONError
from pymongo import errors

from millrace.errors import MillraceError, SourceError, SourceUnavailableError, did_you_mean
from millrace.sources.base import Reading
from millrace.sources.masking import first_line
from millrace.sources.records import frames_of_records

if TYPE_CHECKING:
    import pandas as pd

    from millrace.sources.mongodb import MongoDbSource

_ROWS = 20_000
_UNAUTHORISED = {13, 18}


def read_collection(source: MongoDbSource, reading: Reading) -> Iterator[pd.DataFrame]:
    """Yield the documents in frames of one schema. Raises SourceError or SourceUnavailableError."""
    name = f"{source.database_name}.{source.collection}"
    reading.origin.update(type="mongodb", collection=name)
    mend = "Convert it by a projection, e.g. {{{column}: {{$toString: ${column}}}}}."
    with explained(name, SourceError, SourceUnavailableError):
        _check_there(source, name)
        frames = frames_of_records(
            _documents(source, reading), min(reading.chunk_rows, _ROWS), name, lambda column: mend.format(column=column)
        )
        yield from frames


def _check_there(source: MongoDbSource, name: str) -> None:
    database = source.client()[source.database_name]
    names = database.list_collection_names()
    if source.collection not in names:
        hint = did_you_mean(source.collection, names) if names else f"The database {source.database_name} is empty."
        raise SourceError(f"The collection {name} is not there.", hint=hint)


def _documents(source: MongoDbSource, reading: Reading) -> Iterator[dict[str, Any]]:
    collection = source.client()[source.database_name][source.collection]
    # In the order of _id, so that the same documents make the same dataset version.
    with collection.find(source.query(reading), source.fields(), batch_size=5_000).sort("_id", 1) as cursor:
        for document in cursor:
            yield {key: _plain(value) for key, value in document.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, ObjectId):
        return str(value)
    if isinstance(value, Decimal128):
        return float(value.to_decimal())
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


@contextmanager
def explained(name: str, refused: type[MillraceError], unavailable: type[MillraceError]) -> Iterator[None]:
    """Turn MongoDB's errors into one sentence about the collection `name`."""
    try:
        yield
    except (errors.ConfigurationError, errors.InvalidURI, errors.InvalidName, BSONError) as error:
        raise refused(f"MongoDB cannot be asked for {name}: {first_line(error)}.", hint="Check the address.") from error
    except errors.OperationFailure as error:
        raise _of_refusal(name, error, refused) from error
    except errors.PyMongoError as error:
        raise unavailable(
            f"MongoDB cannot be reached for {name}: {_reason(error)}.",
            hint="Check its address, and that the server runs.",
        ) from error


def _of_refusal(name: str, error: errors.OperationFailure, refused: type[MillraceError]) -> MillraceError:
    reason = first_line(error).partition(", full error")[0]
    if error.code in _UNAUTHORISED:
        return refused(
            f"MongoDB refused the access to {name}: {reason}.", hint="Check the user, the password, its rights."
        )
    return refused(f"MongoDB refused the query on {name}: {reason}.", hint="Check the filter and the projection.")


def _reason(error: errors.PyMongoError) -> str:
    return first_line(error).partition(", Timeout:")[0].partition(" (configured timeouts")[0]
