"""The seams of the platform's memory: what a run store, an artifact store and a model registry promise.

Stages and entrances know these Protocols only; MongoDB, S3 and MLflow stand behind them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import Field

from millrace.stores.tracking import NewVersion, TrackedRun
from millrace.strict import StrictModel

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


class DatasetRef(StrictModel):
    """A dataset version: an immutable table, named by the hash of its content."""

    uri: str = Field(description="s3://bucket/datasets/<pipeline>/<version>/")
    version: str = Field(description="SHA-256 of the content, 64 hexadecimal digits.")
    rows: int
    columns: dict[str, str] = Field(description="Column name to Arrow type.")


class Dataset(Protocol):
    """An open dataset version."""

    ref: DatasetRef

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema."""

    def frame(self, columns: list[str] | None = None) -> pd.DataFrame:
        """The whole table, or some of its columns."""

    def frames(self, rows: int, columns: list[str] | None = None) -> Iterator[pd.DataFrame]:
        """The table in frames of at most `rows` rows, in order; memory stays bounded by one row group."""


class ArtifactStore(Protocol):
    """Immutable datasets and the files of runs, on S3."""

    def write_dataset(self, pipeline: str, frames: Iterable[pd.DataFrame]) -> DatasetRef:
        """Store a table; the same content gives the same version and is not written twice."""

    def open_dataset(self, uri: str) -> Dataset:
        """Open a dataset whose manifest is there. Raises NotFoundError."""

    def has_dataset(self, uri: str) -> bool:
        """Whether the dataset is complete (its manifest, written last, is there)."""

    def put_bytes(self, key: str, content: bytes, content_type: str = "application/octet-stream") -> str:
        """Store a small object under `key` (e.g. `runs/<run_id>/plots/residuals.png`); returns its s3:// URI."""

    def put_folder(self, prefix: str, folder: Path) -> str:
        """Store a folder's files under `prefix`; returns the prefix's s3:// URI."""

    def keep_newest(self, prefix: str, count: int) -> list[str]:
        """Remove all but the newest folders under `prefix` (`a/b/`); returns the names of the removed ones."""

    def get_bytes(self, uri: str) -> bytes:
        """Read one object. Raises NotFoundError."""

    def exists(self, uri: str) -> bool:
        """Whether the object is there."""


class RunStore(Protocol):
    """The run records, on MongoDB."""

    def create_run(self, run: dict[str, Any]) -> bool:
        """Insert the run's document (`_id` is the run id); False when it exists, which is then left as it is."""

    def get_run(self, run_id: str) -> dict[str, Any]:
        """The run's document. Raises NotFoundError."""

    def start_stage(self, run_id: str, stage: str) -> str:
        """Mark a stage as running and return the attempt's token; a later attempt takes the stage over."""

    def finish_stage(self, run_id: str, stage: str, token: str, fields: dict[str, Any]) -> None:
        """Set the stage's outcome. Raises ConflictError when another attempt has taken the stage over."""

    def mark_stage_killed(self, run_id: str, stage: str, error: dict[str, Any]) -> bool:
        """Record that a running stage's process died without a word; False when the stage had ended by itself."""

    def finish_run(self, run_id: str, status: str, error: dict[str, Any] | None = None) -> None:
        """Close the run as success or failed."""

    def find_runs(
        self, pipeline: str | None = None, status: str | None = None, limit: int = 20, before: datetime | None = None
    ) -> list[dict[str, Any]]:
        """The newest runs first (by `created_at`, those before `before`), without the outputs of their stages."""

    def previous_dataset(self, pipeline: str, before_run_id: str) -> dict[str, Any] | None:
        """The DatasetRef document of the newest earlier run of this pipeline whose extract and validate succeeded."""

    def record_dataset(self, document: dict[str, Any]) -> None:
        """Keep a dataset version's record (collection `datasets`); `_id` is pipeline and version."""

    def record_validation(self, document: dict[str, Any]) -> None:
        """Keep a validation's outcome (collection `data_validations`), one document a run."""

    def record_experiment(self, document: dict[str, Any]) -> None:
        """Keep a run's comparison of candidates (collection `experiments`), one document a run."""

    def record_model(self, document: dict[str, Any]) -> None:
        """Keep a model version's lineage (collection `models`); `_id` is name and version."""

    def record_forecasts(self, documents: Iterable[dict[str, Any]]) -> int:
        """Keep forecasts, each in place of one of the same pipeline, series, origin and time; returns how many."""

    def forecasts_without_actual(self, pipeline: str, before: datetime) -> list[dict[str, Any]]:
        """Forecasts of times before `before` whose true value is not known yet: `_id`, `series`, `timestamp`."""

    def record_actuals(self, actuals: dict[str, float]) -> None:
        """Put the true value beside forecasts, by their `_id`."""

    def forecast_quality(self, pipeline: str, since: datetime, until: datetime | None = None) -> dict[str, Any]:
        """How the forecasts since then have held: `count` of those with a true value, `coverage`, `width`."""

    def model_record(self, name: str, version: str) -> dict[str, Any] | None:
        """What `record_model` kept of a version; None for an unknown one."""

    def record_decision(self, document: dict[str, Any]) -> None:
        """Keep why a version became champion, or did not (collection `decisions`); `_id` names the occasion."""

    def decisions(self, model: str, limit: int = 20, before: datetime | None = None) -> list[dict[str, Any]]:
        """The decisions about a model's versions, newest first; `before` asks for those older than a moment."""

    def cached_output(self, stage: str, key: str) -> dict[str, Any] | None:
        """The newest successful output of this stage with this cache key, from any run."""

    def lock(
        self, name: str, holder: str, seconds: float = 60, wait_seconds: float = 900
    ) -> AbstractContextManager[None]:
        """A lease that one holder has at a time; waits for it; renewed while held. Raises ConflictError."""


class ModelVersion(StrictModel):
    """One registered version of a pipeline's model."""

    name: str
    version: str
    uri: str = Field(description="models:/<name>/<version>")
    run_id: str = Field(description="The Millrace run that made it.")
    aliases: list[str] = Field(default_factory=list)
    tags: dict[str, str] = Field(default_factory=dict)
    created: str = Field(description="ISO 8601, UTC.")


CACHE_TAG = "millrace.cache_seconds"
"""The tag of a version that says how long an answer of it may be used again."""


class CredentialStore(Protocol):
    """Keeps what sources and sinks need to sign in elsewhere, encrypted."""

    def values(self, names: Collection[str]) -> dict[str, str]:
        """The values of these credentials by name. Raises NotFoundError for one that is not there."""


class ModelRegistry(Protocol):
    """Model versions and their aliases, on MLflow."""

    def champion(self, name: str) -> ModelVersion | None:
        """The version that the alias `champion` names, or None."""

    def version(self, name: str, number: str) -> ModelVersion:
        """One version. Raises NotFoundError."""

    def versions(self, name: str) -> list[ModelVersion]:
        """All versions, newest first; empty for an unknown name."""

    def version_of_run(self, name: str, run_id: str) -> ModelVersion | None:
        """The version that this run registered, if it did."""

    def set_alias(self, name: str, alias: str, version: str) -> None:
        """Move an alias. Raises NotFoundError."""

    def tag_version(self, name: str, version: str, tags: dict[str, str]) -> None:
        """Set tags of a version; an empty text takes a tag away for whoever reads it."""

    def load(self, version: ModelVersion) -> Any:
        """The fitted scikit-learn Pipeline; loads only types that Millrace trusts."""

    def aliases(self) -> dict[str, dict[str, str]]:
        """Every registered model's name to its aliases (`{"champion": "3"}`), in one call: the service polls it."""

    def download(self, version: ModelVersion, folder: Path) -> None:
        """Copy the version's files (MLmodel, model.skops, input example) into the folder `folder`, which exists."""

    def champions(self, name: str) -> list[str]:
        """The versions that have been champion, oldest first, the present one last; empty for an unknown name."""

    def return_to(self, name: str, version: str) -> None:
        """Make an earlier champion the champion again, and forget those after it. Raises NotFoundError."""

    def track(self, run: TrackedRun) -> str:
        """Keep a candidate's training with its trials, in place of an earlier attempt; returns the MLflow run's id."""

    def add_to_run(self, mlflow_run_id: str, metrics: dict[str, float], files: dict[str, bytes]) -> None:
        """Add metrics and files (path to content) to a training run."""

    def register(self, new: NewVersion) -> ModelVersion:
        """Register a model as a new version; the version appears last, complete, with all its tags."""
