"""Model versions and their aliases on MLflow, and the training runs that they come from.

Files go to S3 directly, under the experiment's artifact location; MLflow keeps the names.
"""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from millrace.connections import s3_client
from millrace.errors import NotFoundError, StorageError
from millrace.stores.artifacts import S3ArtifactStore
from millrace.stores.base import ModelVersion
from millrace.stores.datasets import split_uri
from millrace.stores.mlflow_client import MlflowStore, error_code, explained
from millrace.stores.mlflow_runs import MlflowRuns
from millrace.stores.model_folder import MODEL_FILE, write_model_folder
from millrace.stores.model_format import model_from_bytes
from millrace.stores.tracking import NewVersion, TrackedRun

CHAMPION = "champion"
CHAMPIONS_TAG = "millrace.champions"
RUN_TAG = "millrace.run_id"
MOST_TAG = 5_000
"""Characters of a tag that every MLflow store takes."""
_ABSENT = {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}


class MlflowRegistry(MlflowStore):
    """The model registry of one installation; see `stores.base.ModelRegistry`."""

    @explained
    def champion(self, name: str) -> ModelVersion | None:
        """The version that the alias `champion` names, or None."""
        try:
            found = self._client.get_model_version_by_alias(name, CHAMPION)
        except Exception as error:
            if error_code(error) in _ABSENT:
                return None
            raise
        return _version(found, list(found.aliases))

    @explained
    def version(self, name: str, number: str) -> ModelVersion:
        """One version. Raises NotFoundError."""
        try:
            found = self._client.get_model_version(name, number)
        except Exception as error:
            if error_code(error) not in _ABSENT:
                raise
            raise _no_such_version(name, number) from error
        return _version(found, list(found.aliases))

    @explained
    def versions(self, name: str) -> list[ModelVersion]:
        """All versions, newest first; empty for an unknown name."""
        return self._search(name, f"name='{name}'")

    @explained
    def version_of_run(self, name: str, run_id: str) -> ModelVersion | None:
        """The version that this run registered, if it did."""
        found = self._search(name, f"name='{name}' and tags.`{RUN_TAG}`='{run_id}'")
        return found[-1] if found else None

    @explained
    def aliases(self) -> dict[str, dict[str, str]]:
        """Every registered model's name to its aliases."""
        named: dict[str, dict[str, str]] = {}
        token = None
        while True:
            page = self._client.search_registered_models(max_results=1000, page_token=token)
            named |= {model.name: {k: str(v) for k, v in dict(model.aliases).items()} for model in page}
            token = page.token
            if not token:
                return named

    @explained
    def set_alias(self, name: str, alias: str, version: str) -> None:
        """Move an alias; the champions of the past are remembered in their order. Raises NotFoundError."""
        try:
            # The history first: a champion that is not in it could not be returned to.
            if alias == CHAMPION:
                self._remember_champion(name, version)
            self._client.set_registered_model_alias(name, alias, version)
        except Exception as error:
            if error_code(error) not in _ABSENT:
                raise
            raise _no_such_version(name, version) from error

    @explained
    def champions(self, name: str) -> list[str]:
        """The versions that have been champion, oldest first, the present one last; empty for an unknown name."""
        try:
            written = self._client.get_registered_model(name).tags.get(CHAMPIONS_TAG, "")
        except Exception as error:
            if error_code(error) in _ABSENT:
                return []
            raise
        return [version for version in written.split(",") if version]

    @explained
    def return_to(self, name: str, version: str) -> None:
        """Make an earlier champion the champion again, and forget those after it. Raises NotFoundError."""
        past = self.champions(name)
        if version not in past:
            raise NotFoundError(f"Version {version} of '{name}' has never been champion.", hint="Promote it instead.")
        last = len(past) - past[::-1].index(version)
        self._client.set_registered_model_alias(name, CHAMPION, version)
        self._client.set_registered_model_tag(name, CHAMPIONS_TAG, ",".join(past[:last]))

    @explained
    def tag_version(self, name: str, version: str, tags: dict[str, str]) -> None:
        """Set tags of a version; an empty text takes a tag away for whoever reads it."""
        for key, value in tags.items():
            self._client.set_model_version_tag(name, version, key, value[:MOST_TAG])

    def load(self, version: ModelVersion) -> Any:
        """The fitted scikit-learn Pipeline; loads only types that Millrace trusts."""
        content = S3ArtifactStore(self.settings).get_bytes(f"{self._location(version)}/{MODEL_FILE}")
        return model_from_bytes(content, version.uri)

    def download(self, version: ModelVersion, folder: Path) -> None:
        """Copy the version's files into the folder."""
        files = S3ArtifactStore(self.settings)
        location = self._location(version)
        bucket, prefix = split_uri(location)
        try:
            pages = (
                s3_client(self.settings).get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix + "/")
            )
            keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
        except Exception as error:
            raise files.explain(error) from error
        if not keys:
            raise NotFoundError(f"The files of {version.uri} are not at {location}.", hint="Train the model again.")
        for key in keys:
            path = folder / key.removeprefix(prefix + "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(files.get_bytes(f"s3://{bucket}/{key}"))

    @explained
    def register(self, new: NewVersion) -> ModelVersion:
        """Register a model as a new version; the version appears last, complete, with all its tags."""
        known = self._client.get_run(new.mlflow_run_id)
        logged = self._client.create_logged_model(
            known.info.experiment_id, name="model", source_run_id=new.mlflow_run_id, tags=new.tags, params=new.params
        )
        with tempfile.TemporaryDirectory(prefix="millrace-") as scratch:
            write_model_folder(Path(scratch), new, logged.model_id)
            self._upload(Path(scratch), logged.artifact_location)
        self._client.finalize_logged_model(logged.model_id, "READY")
        self._ensure_registered(new.name)
        made = self._client.create_model_version(
            new.name, logged.artifact_location, run_id=new.mlflow_run_id, tags=new.tags, model_id=logged.model_id
        )
        return _version(made, [])

    @explained
    def track(self, run: TrackedRun) -> str:
        """Keep a candidate's training as an MLflow run with its trials beneath it; returns the MLflow run's id."""
        return MlflowRuns(self._client, self.settings.s3_bucket).replace(run)

    @explained
    def add_to_run(self, mlflow_run_id: str, metrics: dict[str, float], files: dict[str, bytes]) -> None:
        """Add metrics and files (path to content) to a training run."""
        MlflowRuns(self._client, self.settings.s3_bucket).add_metrics(mlflow_run_id, metrics)
        bucket, prefix = split_uri(self._client.get_run(mlflow_run_id).info.artifact_uri)
        self._refuse_other_bucket(bucket)
        for path, content in files.items():
            S3ArtifactStore(self.settings).put_bytes(f"{prefix}/{path}", content, "image/png")

    @explained
    def _location(self, version: ModelVersion) -> str:
        return str(self._client.get_model_version_download_uri(version.name, version.version)).rstrip("/")

    def _search(self, name: str, where: str) -> list[ModelVersion]:
        aliases = self._aliases_of(name)
        found = self._client.search_model_versions(where, max_results=1000)
        made = [_version(v, [alias for alias, of in aliases.items() if of == str(v.version)]) for v in found]
        return sorted(made, key=lambda version: int(version.version), reverse=True)

    def _aliases_of(self, name: str) -> dict[str, str]:
        models = self._client.search_registered_models(f"name='{name}'")
        return {alias: str(version) for model in models for alias, version in dict(model.aliases).items()}

    def _remember_champion(self, name: str, version: str) -> None:
        self._client.get_model_version(name, version)
        past = self.champions(name)
        if past[-1:] != [version]:
            self._client.set_registered_model_tag(name, CHAMPIONS_TAG, ",".join([*past, version]))

    def _ensure_registered(self, name: str) -> None:
        try:
            self._client.create_registered_model(name)
        except Exception as error:
            if error_code(error) != "RESOURCE_ALREADY_EXISTS":
                raise

    def _upload(self, folder: Path, location: str) -> None:
        bucket, prefix = split_uri(location)
        self._refuse_other_bucket(bucket)
        S3ArtifactStore(self.settings).put_folder(prefix, folder)

    def _refuse_other_bucket(self, bucket: str) -> None:
        if bucket != self.settings.s3_bucket:
            raise StorageError(
                f"MLflow keeps this experiment's files in '{bucket}', not in the bucket '{self.settings.s3_bucket}'.",
                hint="Set S3_BUCKET to it, or give the pipeline another name so that a new experiment is made.",
            )


def _no_such_version(name: str, number: str) -> NotFoundError:
    hint = f"'millrace models list {name}' shows the versions."
    return NotFoundError(f"The model '{name}' has no version {number}.", hint=hint)


def _version(found: Any, aliases: list[str]) -> ModelVersion:
    tags = {str(key): str(value) for key, value in dict(found.tags).items()}
    return ModelVersion(
        name=found.name,
        version=str(found.version),
        uri=f"models:/{found.name}/{found.version}",
        run_id=tags.get(RUN_TAG, ""),
        aliases=aliases,
        tags=tags,
        created=datetime.fromtimestamp(found.creation_timestamp / 1000, UTC).isoformat(),
    )
