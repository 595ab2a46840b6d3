"""Counts and times what the service does, for Prometheus; right for one worker and for several.

With several workers each keeps its numbers in files of one folder, and any of them answers for all.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import shutil
from pathlib import Path
from typing import Any

from starlette.types import Scope

FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
GATHERED = (1, 2, 4, 8, 16, 32)
METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
OTHER = "other"
_PREDICT = re.compile(r"/api/v1/models/[^/]+(/predict|/predict/batch)")


class Metrics:
    """The numbers of one application. Made once a process, before anything else imports prometheus_client."""

    def __init__(self, home: Path) -> None:
        self.folder = _shared_folder(home)
        import prometheus_client as prometheus

        self.registry = prometheus.CollectorRegistry()
        about: dict[str, Any] = {"registry": self.registry}
        where = ("method", "route", "status")
        self._requests = prometheus.Counter("http_requests_total", "Requests answered.", where, **about)
        self._durations = prometheus.Histogram(
            "http_request_duration_seconds", "Time to answer a request.", ("method", "route"), buckets=SECONDS, **about
        )
        self._latency = prometheus.Histogram(
            "prediction_latency_seconds",
            "Time from decoded rows to predictions.",
            ("model", "variant"),
            buckets=SECONDS,
            **about,
        )
        self._rows = prometheus.Counter("prediction_rows_total", "Rows predicted.", ("model", "variant"), **about)
        self._gathered = prometheus.Histogram(
            "prediction_gathered_rows",
            "Requests for one row that a compiled model answered by one run.",
            ("model",),
            buckets=GATHERED,
            **about,
        )
        self._shed = prometheus.Counter("predictions_shed_total", "Predictions refused with 503.", ("model",), **about)
        self._dropped = prometheus.Counter(
            "prediction_log_dropped_total", "Predictions that could not be recorded.", **about
        )
        gauge = prometheus.Gauge
        self._models = gauge("active_models_count", "Models that serve.", multiprocess_mode="livemax", **about)
        self._queue = gauge(
            "prediction_queue_depth", "Predictions that wait or are computed.", multiprocess_mode="livesum", **about
        )
        self._spool = gauge(
            "prediction_log_spool_bytes", "Records that wait for MongoDB.", multiprocess_mode="livemax", **about
        )
        self._training = gauge(
            "model_training_duration_seconds",
            "How long the serving version's training took.",
            ("model",),
            multiprocess_mode="livemax",
            **about,
        )
        self._known: dict[Any, Any] = {}
        self._dropped_before = 0

    def note_request(self, scope: Scope, status: int, seconds: float) -> None:
        """Count an answered request."""
        method = scope["method"] if scope["method"] in METHODS else OTHER
        self.note_requests(method, route_of(scope), status, [seconds])

    def note_requests(self, method: str, route: str, status: int, seconds: list[float]) -> None:
        """Count answered requests of one kind, each with its time."""
        key = (method, route, status)
        found = self._known.get(key)
        if found is None:  # looking labels up costs more than counting
            found = self._known[key] = (
                self._requests.labels(method, route, str(status)),
                self._durations.labels(method, route),
            )
        found[0].inc(len(seconds))
        for each in seconds:
            found[1].observe(each)

    def note_prediction(self, model: str, variant: str, rows: int, *seconds: float) -> None:
        """Count predicted rows, and the time of each request for them."""
        key = (model, variant)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = (self._rows.labels(*key), self._latency.labels(*key))
        found[0].inc(rows)
        for each in seconds:
            found[1].observe(each)

    def note_gathered(self, model: str, requests: int) -> None:
        """Count a run that answered several requests."""
        found = self._known.get(model)
        if found is None:
            found = self._known[model] = self._gathered.labels(model)
        found.observe(requests)

    def note_shed(self, model: str, requests: int) -> None:
        """Count predictions that were refused because too many waited."""
        self._shed.labels(model).inc(requests)

    def note_state(self, *, models: int, queue: int, spool_bytes: int, dropped: int) -> None:
        """Set what is measured from time to time."""
        self._models.set(models)
        self._queue.set(queue)
        self._spool.set(spool_bytes)
        self._dropped.inc(max(0, dropped - self._dropped_before))
        self._dropped_before = dropped

    def note_training(self, model: str, seconds: float) -> None:
        """Set how long the training of the serving version took."""
        self._training.labels(model).set(seconds)

    def page(self) -> tuple[bytes, str]:
        """All numbers in Prometheus' text form, and its content type."""
        from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
        from prometheus_client.multiprocess import MultiProcessCollector

        if self.folder is None:
            return generate_latest(self.registry), CONTENT_TYPE_LATEST
        _forget_dead_workers(self.folder)
        together = CollectorRegistry()
        MultiProcessCollector(together, path=str(self.folder))  # type: ignore[no-untyped-call]
        return generate_latest(together), CONTENT_TYPE_LATEST


def route_of(scope: Scope) -> str:
    """The route's pattern, so that names and ids in addresses do not become labels without end."""
    route = scope.get("route")
    if route is not None:
        return str(getattr(route, "path", OTHER))
    found = _PREDICT.fullmatch(scope["path"])
    return f"/api/v1/models/{{name}}{found[1]}" if found else OTHER


def _shared_folder(home: Path) -> Path | None:
    """The folder of this service's workers; None for a worker by itself."""
    given = os.environ.get(FOLDER_VARIABLE)
    if given is None and multiprocessing.parent_process() is None:
        return None
    # The parent's id: its workers share the folder, and a service started later has one of its own.
    folder = Path(given) if given else home / "metrics" / str(os.getppid())
    folder.mkdir(parents=True, exist_ok=True)
    os.environ[FOLDER_VARIABLE] = str(folder)
    if given is None:
        for other in folder.parent.iterdir():
            if other.name.isdigit() and not _lives(int(other.name)):
                shutil.rmtree(other, ignore_errors=True)
    return folder


def _forget_dead_workers(folder: Path) -> None:
    """Take out the gauges of workers that have ended; what they counted stays counted."""
    from prometheus_client.multiprocess import mark_process_dead

    for path in folder.glob("gauge_live*.db"):
        number = path.stem.rpartition("_")[2]
        if number.isdigit() and not _lives(int(number)):
            mark_process_dead(int(number), str(folder))  # type: ignore[no-untyped-call]


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
