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
    "pipelines": [[("pipeline", 1), ("version", -1)]],
    "pipeline_runs": [
        [("created_at", -1)],
        [("pipeline", 1), ("created_at", -1)],
        [("status", 1), ("created_at", -1)],
        [("pipeline", 1), ("status", 1), ("created_at", -1)],
    ],
    "datasets": [[("pipeline", 1), ("created_at", -1)]],
    "data_validations": [[("pipeline", 1), ("created_at", -1)]],
    "experiments": [[("pipeline", 1), ("created_at", -1)]],
    "decisions": [[("model", 1), ("at", -1)]],
    "live_quality": [],
    "models": [[("name", 1), ("created_at", -1)]],
    "predictions": [
        [("model", 1), ("at", -1)],
        [("at", -1), ("until", -1)],
        [("given_ids", 1)],
        [("keys", 1)],
    ],
    "feedback": [[("model", 1), ("updated_at", -1)]],
    "forecasts": [
        [("pipeline", 1), ("series", 1), ("timestamp", 1), ("origin", -1)],
        [("pipeline", 1), ("origin", -1)],
        [("pipeline", 1), ("timestamp", 1)],
        [("pipeline", 1), ("actual", 1), ("timestamp", 1)],
    ],
    "alerts": [
        [("status", 1), ("opened_at", -1)],
        [("pipeline", 1), ("status", 1), ("opened_at", -1)],
        [("news.status", 1), ("news.next_at", 1)],
    ],
    "monitoring_reports": [[("pipeline", 1), ("at", -1)]],
    "users": [[("role", 1)]],
    "api_keys": [[("created_at", -1)], [("owner", 1), ("created_at", -1)]],
    "sessions": [[("user", 1)]],
    "reset_tokens": [[("user", 1)]],
    "login_failures": [],
    "traffic": [],
    "credentials": [],
    "audit_log": [[("at", -1)], [("who", 1), ("at", -1)], [("action", 1), ("at", -1)]],
}
UNIQUE = {"alerts": "slot"}
"""Collections with a field that no two documents share; documents without the field do not count."""
EXPIRING = frozenset({"sessions", "reset_tokens", "login_failures"})
"""Collections whose documents go when their `expires_at` is past."""
SPARSE = frozenset({"given_ids", "keys"})
"""Lists that few documents have: only those stand in the index."""
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
                database[name].create_index(keys, sparse=keys[0][0] in SPARSE)
            if name in UNIQUE:
                database[name].create_index(UNIQUE[name], unique=True, sparse=True)
            if name in EXPIRING:
                database[name].create_index("expires_at", expireAfterSeconds=0)
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
