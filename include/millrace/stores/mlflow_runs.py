"""Writes training runs to MLflow: one run a candidate, one nested run a trial, each attempt in place of the last."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from millrace.stores.mlflow_client import error_code
from millrace.stores.tracking import TrackedRun, TrackedTrial

if TYPE_CHECKING:
    from mlflow import MlflowClient

_IDENTITY = ("millrace.run_id", "millrace.candidate")
_LONGEST = 500


class MlflowRuns:
    """The training runs of one installation."""

    def __init__(self, client: MlflowClient, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def replace(self, run: TrackedRun) -> str:
        """Write the run; what an earlier attempt left behind is deleted first."""
        experiment = self._experiment(run.experiment)
        self._delete_earlier(experiment, run.tags)
        parent = self._write(experiment, run.name, run, run.tags)
        for trial in run.trials:
            tags = {**run.tags, "mlflow.parentRunId": parent, "millrace.trial": str(trial.number)}
            self._write(experiment, f"{run.name}-{trial.number}", trial, tags, failed=trial.failed)
        self._client.set_terminated(parent, "FINISHED", end_time=int(run.finished * 1000))
        return parent

    def add_metrics(self, run_id: str, metrics: dict[str, float], at: float | None = None) -> None:
        """Write metrics to a run; writing them twice leaves the later value."""
        import time

        from mlflow.entities import Metric

        stamp = int((at or time.time()) * 1000)
        written = [Metric(metric_key(name), value, stamp, 0) for name, value in metrics.items()]
        self._client.log_batch(run_id, metrics=written[:1000])

    def _write(
        self,
        experiment: str,
        name: str,
        run: TrackedRun | TrackedTrial,
        tags: dict[str, str],
        failed: bool | None = None,
    ) -> str:
        """One run with its params and metrics; it is closed at once unless `failed` is None."""
        from mlflow.entities import Metric, Param

        made = self._client.create_run(experiment, start_time=int(run.started * 1000), tags=tags, run_name=name)
        run_id: str = made.info.run_id
        stamp = int(run.finished * 1000)
        self._client.log_batch(
            run_id,
            metrics=[Metric(metric_key(key), value, stamp, 0) for key, value in run.metrics.items()][:1000],
            params=[Param(key, str(value)[:_LONGEST]) for key, value in run.params.items()][:100],
        )
        if failed is not None:
            self._client.set_terminated(run_id, "FAILED" if failed else "FINISHED", end_time=stamp)
        return run_id

    def _experiment(self, name: str) -> str:
        found = self._client.get_experiment_by_name(name)
        if found is None:
            try:
                return str(self._client.create_experiment(name, artifact_location=f"s3://{self._bucket}/mlflow/{name}"))
            except Exception as error:
                # Another candidate's process made it in the meantime.
                if error_code(error) != "RESOURCE_ALREADY_EXISTS":
                    raise
                found = self._client.get_experiment_by_name(name)
        elif found.lifecycle_stage == "deleted":
            self._client.restore_experiment(found.experiment_id)
        return _id_of(found)

    def _delete_earlier(self, experiment: str, tags: dict[str, str]) -> None:
        where = " and ".join(f"tags.`{name}` = '{tags[name]}'" for name in _IDENTITY)
        while found := self._client.search_runs([experiment], where, max_results=1000):
            for run in found:
                self._client.delete_run(run.info.run_id)


def metric_key(name: str) -> str:
    """The name as MLflow allows it: letters, digits and a few signs."""
    return re.sub(r"[^\w\-./: ]", "_", name)


def _id_of(experiment: Any) -> str:
    return str(experiment.experiment_id)
