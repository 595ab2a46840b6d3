"""What all MongoDB stores share: the collections, their indexes, and errors in one sentence.

Every query that the platform makes has an index here.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from millrace.connections import mongo_client
from millrace.errors import StorageError
from millrace.settings import Settings

if TYPE_CHECKING:
    from pymongo.collection import Collection

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")
Document = dict[str, Any]

INDEXES: dict[str, list[list[tuple[str, int]]]] = {
    "pipeline_runs": [
        [("created_at", -1)],
        [("pipeline", 1), ("created_at", -1)],
        [("status", 1), ("created_at", -1)],
        [("pipeline", 1), ("status", 1), ("created_at", -1)],
    ],
    "datasets": [[("pipeline", 1), ("created_at", -1)]],
    "data_validations": [[("pipeline", 1), ("created_at", -1)]],
    "experiments": [[("pipeline", 1), ("created_at", -1)]],
    "models": [[("name", 1), ("created_at", -1)]],
}
_indexed: set[tuple[str, str]] = set()


class MongoStore:
    """A connection to the platform's database; connects at the first call, not before."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def collection(self, name: str) -> Collection[Document]:
        """A collection, with its indexes made once a process."""
        database = mongo_client(self._settings)[self._settings.mongodb_database]
        mark = (self._settings.mongodb, f"{self._settings.mongodb_database}.{name}")
        if mark not in _indexed:
            for keys in INDEXES.get(name, []):
                database[name].create_index(keys)
            _indexed.add(mark)
        return database[name]

    def explain(self, error: Exception) -> StorageError:
        """What pymongo raised, as an error that says what to do."""
        from urllib.parse import urlsplit

        parts = urlsplit(self._settings.mongodb)
        where = parts.netloc.rpartition("@")[2]
        text = str(error).split(",")[0].splitlines()[0].rstrip(".")
        hint = "Start it with 'millrace up', or check MONGODB_URI; 'millrace doctor' tests every connection."
        return StorageError(f"MongoDB at {where} does not answer as it should: {text}.", hint=hint)


def explained(call: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Turns what pymongo raises into one sentence; for methods of a MongoStore."""

    @wraps(call)
    def wrapper(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        from pymongo.errors import PyMongoError

        try:
            return call(*args, **kwargs)
        except PyMongoError as error:
            store: MongoStore = args[0]  # type: ignore[assignment]
            raise store.explain(error) from error

    return wrapper
