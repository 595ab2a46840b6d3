"""Measures what no event tells: models, queue, spool, and how long trainings took. Runs in a thread of its own."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from millrace.errors import MillraceError
from serving.metrics import Metrics
from serving.records.prediction_log import PredictionLog
from serving.runtime.manager import ModelManager

log = logging.getLogger(__name__)
SECONDS = 5.0
PAUSE_AFTER_FAILURE = 60.0


class Gauges:
    """Sets the gauges every few seconds, and when somebody looks at them."""

    def __init__(
        self,
        metrics: Metrics,
        manager: ModelManager,
        log: PredictionLog,
        queued: Callable[[], int],
        run_of: Callable[[str], dict[str, Any]],
        carry_over: Callable[[], None] = lambda: None,
    ) -> None:
        self._metrics, self._manager, self._log = metrics, manager, log
        self._queued, self._run_of, self._carry_over = queued, run_of, carry_over
        self._trained: set[tuple[str, str]] = set()
        self._not_before = 0.0
        self._stop = threading.Event()

    def start(self) -> None:
        """Begin to measure."""
        threading.Thread(target=self._work, name="gauges", daemon=True).start()

    def close(self) -> None:
        """Measure no more."""
        self._stop.set()

    def refresh(self) -> None:
        """Measure what is at hand; waits for nothing."""
        self._carry_over()
        spool = self._log.spool
        self._metrics.note_state(
            models=len(self._manager.models), queue=self._queued(), spool_bytes=spool.size, dropped=spool.dropped
        )

    def learn_trainings(self) -> None:
        """Ask the run records for the trainings of versions that are new here."""
        for name, model in self._manager.models.items():
            key = (name, model.version.version)
            if key not in self._trained:
                seconds = training_seconds(self._run_of(model.version.run_id))
                self._trained.add(key)
                if seconds is not None:
                    self._metrics.note_training(name, seconds)

    def _work(self) -> None:
        while not self._stop.wait(SECONDS):
            self.refresh()
            if time.monotonic() >= self._not_before:
                self._try_to_learn()

    def _try_to_learn(self) -> None:
        try:
            self.learn_trainings()
        except MillraceError as error:  # MongoDB is away, or the run is forgotten
            log.debug("the training times are not known yet: %s", error)
            self._not_before = time.monotonic() + PAUSE_AFTER_FAILURE


def training_seconds(run: dict[str, Any]) -> float | None:
    """How long the training stages of a run took together; None when it has none."""
    stages = run.get("stages", {})
    found = [stage.get("seconds") for name, stage in stages.items() if name.partition(":")[0] == "train"]
    return sum(found) if found and None not in found else None
