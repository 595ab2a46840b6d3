"""Lists everything that MLflow keeps for Millrace, page by page, and removes training runs that nobody needs.

Which ones those are is decided elsewhere. Versions and the files of registered models are never touched.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from millrace.stores.mlflow_client import MlflowStore, explained
from millrace.stores.model_registry import RUN_TAG

PAGE = 1000


@dataclass(frozen=True)
class Training:
    """A training run in MLflow, or one of its trials: whose it is, and where its files are."""

    mlflow_run_id: str
    run_id: str
    artifact_uri: str
    ended: int
    """Unix time in milliseconds."""


class MlflowInventory(MlflowStore):
    """What one installation's MLflow holds."""

    @explained
    def trainings(self) -> list[Training]:
        """All training runs that Millrace made, also those that a retry has replaced."""
        from mlflow.entities import ViewType

        experiments = _pages(self._client.search_experiments, view_type=ViewType.ALL)
        ids = [str(experiment.experiment_id) for experiment in experiments]
        found = _pages(self._client.search_runs, ids, run_view_type=ViewType.ALL) if ids else iter(())
        return [
            Training(run.info.run_id, run.data.tags[RUN_TAG], run.info.artifact_uri or "", _moment(run.info))
            for run in found
            if RUN_TAG in run.data.tags
        ]

    @explained
    def versions(self) -> list[dict[str, Any]]:
        """All registered versions and models, as documents."""
        versions = [
            {"name": v.name, "version": str(v.version), "run": v.run_id, "source": v.source, "tags": dict(v.tags)}
            for v in _pages(self._client.search_model_versions)
        ]
        models = [{"name": m.name, "tags": dict(m.tags)} for m in _pages(self._client.search_registered_models)]
        return [*versions, *models]

    @explained
    def remove(self, mlflow_run_id: str) -> None:
        """Take a training run out of sight; one that is gone already is none to remove."""
        run = self._client.get_run(mlflow_run_id)
        if run.info.lifecycle_stage != "deleted":
            self._client.delete_run(mlflow_run_id)


def _pages(search: Any, *arguments: Any, **options: Any) -> Iterator[Any]:
    token = None
    while True:
        page = search(*arguments, **options, max_results=PAGE, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def _moment(info: Any) -> int:
    return int(info.end_time or info.start_time or 0)
