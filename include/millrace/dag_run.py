"""What an Airflow DAG run means to Millrace: which record it has, which data interval it answers for.

Both the tasks and the listener open a run through this module, so that whichever comes first writes the same record.
It knows Airflow's words but does not import Airflow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from millrace import pipeline
from millrace.errors import RequestError
from millrace.settings import Settings
from millrace.sources.base import DataInterval
from millrace.spec.catalogue import LoadedSpec
from millrace.stages.base import RunContext


@dataclass(frozen=True)
class DagRun:
    """The few facts of an Airflow DAG run that Millrace needs, copied from Airflow's own object."""

    dag_id: str
    dag_run_id: str
    params: Mapping[str, Any]
    interval_start: datetime | None = None
    interval_end: datetime | None = None

    @property
    def run_id(self) -> str:
        """The id of the run's record."""
        return pipeline.airflow_run_id(self.dag_id, self.dag_run_id)

    @property
    def interval(self) -> DataInterval | None:
        """The data interval: as the run's parameters say, else as it was scheduled, else None."""
        given = DataInterval.between(self.params.get("interval_start"), self.params.get("interval_end"))
        if given is not None or self.interval_start is None or self.interval_end is None:
            return given
        if self.interval_start >= self.interval_end:  # Airflow gives runs without an interval an empty one
            return None
        return DataInterval(self.interval_start, self.interval_end)

    def open(self, loaded: LoadedSpec, settings: Settings | None = None) -> RunContext:
        """The run's context; makes its record if there is none yet, also when the interval is refused."""
        try:
            interval = self.interval
        except RequestError:
            self._open(loaded, settings, None)
            raise
        return self._open(loaded, settings, interval)

    def _open(self, loaded: LoadedSpec, settings: Settings | None, interval: DataInterval | None) -> RunContext:
        return pipeline.open_context(
            loaded,
            self.run_id,
            interval=interval,
            trigger={"by": "airflow", "dag_id": self.dag_id, "dag_run_id": self.dag_run_id},
            settings=settings,
            use_cache=bool(self.params.get("use_cache", True)),
        )
