"""Opens MLflow, with bounded waits, and turns what it raises into one sentence.

Each call names its server; no global state of MLflow is set, so that several installations fit in one process.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from millrace.errors import MillraceError, StorageError
from millrace.settings import Settings

if TYPE_CHECKING:
    from mlflow import MlflowClient

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")
_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
}


def mlflow_client(settings: Settings) -> MlflowClient:
    """A client of this installation's MLflow: a server, or a database that this process opens itself."""
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    import logging

    from mlflow import MlflowClient

    # MLflow tells of every migration and every new model; the platform's own log is enough.
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    uri = settings.mlflow
    if not uri.startswith("sqlite:///"):
        return MlflowClient(tracking_uri=uri, registry_uri=uri)
    return _prepared_sqlite(uri)


class MlflowStore:
    """A store that lies in MLflow, which is opened when it is first asked."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._opened: MlflowClient | None = None

    @property
    def _client(self) -> MlflowClient:
        if self._opened is None:
            self._opened = mlflow_client(self.settings)
        return self._opened


def _prepared_sqlite(uri: str) -> MlflowClient:
    """A client of a SQLite file, which is migrated by one process at a time."""
    from pathlib import Path

    from filelock import FileLock
    from mlflow import MlflowClient

    path = Path(uri.removeprefix("sqlite:///"))
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{path}.lock", timeout=120):
        client = MlflowClient(tracking_uri=uri, registry_uri=uri)
        client.search_registered_models(max_results=1)
    return client


def explained(call: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """For the methods of a store with `settings`: raises StorageError in place of what MLflow raises."""

    @wraps(call)
    def wrapper(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        try:
            return call(*args, **kwargs)
        except MillraceError:
            raise
        except Exception as error:
            if not _is_of_mlflow(error):
                raise
            settings: Settings = args[0].settings  # type: ignore[attr-defined]
            raise explain(settings, error) from error

    return wrapper


def explain(settings: Settings, error: Exception) -> StorageError:
    """What MLflow raised, as an error that says what to do."""
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return StorageError(
        f"MLflow at {_shown(settings.mlflow)} does not answer as it should: {_shown(reason)[:300].rstrip('.')}.",
        hint="Start it with 'millrace up', or check MLFLOW_TRACKING_URI; 'millrace doctor' tests every connection.",
    )


def error_code(error: Exception) -> str:
    """MLflow's name for what went wrong, such as RESOURCE_DOES_NOT_EXIST; empty for other errors."""
    return str(getattr(error, "error_code", ""))


def _is_of_mlflow(error: Exception) -> bool:
    modules = {kind.__module__.partition(".")[0] for kind in type(error).__mro__}
    return bool(modules & {"mlflow", "sqlalchemy", "requests", "urllib3", "filelock", "sqlite3"})


def _shown(text: str) -> str:
    """The text without the passwords of the addresses in it."""
    return re.sub(r"(://[^/@:\s]*):[^/@\s]*@", r"\1:***@", text)
