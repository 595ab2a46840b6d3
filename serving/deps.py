"""What the routes work with, made once for each process; nothing here connects to anything."""

from __future__ import annotations

import asyncio
import threading
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, Request

from millrace.alerts.desk import AlertDesk
from millrace.authoring.mirror import Mirror
from millrace.authoring.pipelines import MadePipelines
from millrace.settings import Settings
from millrace.spec.catalogue import Catalogue, spec_files
from millrace.spec.installed import installed_specs
from millrace.stores.artifacts import S3ArtifactStore
from millrace.stores.base import ArtifactStore, ModelRegistry
from millrace.stores.monitoring import MonitoringStore
from millrace.stores.pipelines import MongoPipelines
from millrace.stores.predictions import PredictionStore
from millrace.stores.runs import MongoRunStore
from millrace.stores.traffic import MongoTrafficRules
from serving.access.parts import Access
from serving.access.settings import AccessSettings
from serving.apart.process import Apart
from serving.champion_records import ChampionRecords
from serving.copyist import Copyist
from serving.courier import Courier
from serving.drafting import Drafting
from serving.explaining.process import Explaining
from serving.gauges import Gauges
from serving.links import Links
from serving.logs import AccessLog
from serving.metrics import Metrics
from serving.probes import Probes
from serving.records.prediction_log import PredictionLog
from serving.records.recorder import Recorder
from serving.request_key import key_of_request
from serving.requests import patience_of_caller
from serving.runtime.admission import Admission
from serving.runtime.answering import Answering
from serving.runtime.cache import AnswerCache
from serving.runtime.loader import ModelLoader
from serving.runtime.manager import ModelManager
from serving.runtime.model_files import ModelFiles
from serving.runtime.pool import BoundedPool
from serving.runtime.remembered import Remembered
from serving.runtime.shadows import Shadows
from serving.runtime.shared_cache import SharedCache
from serving.runtime.traffic import Traffic
from serving.runtime.traffic_rules import TrafficRules
from serving.runtime.variants import Variants
from serving.runtime.watcher import Watcher
from serving.runtime_metrics import RuntimeMetrics
from serving.settings import ServiceSettings
from serving.telemetry.parts import Telemetry
from serving.uploads import Uploads

FURTHER_LANES = 3
"""To the process of predictions, beside one for each thread that predicts: for shadows, the watcher and visitors."""


def file_mark(path: Path) -> tuple[int, int]:
    """What changes when a file does; a file that has gone meanwhile has a mark too."""
    try:
        stat = path.stat()
    except OSError:
        return 0, 0
    return stat.st_mtime_ns, stat.st_size


class SpecShelf:
    """The specs of the installation, read again when a file of theirs has changed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._folders = (settings.millrace_pipelines_dir, settings.made_specs_dir)
        self._lock = threading.Lock()
        self._seen: list[tuple[Any, ...]] | None = None
        self._catalogue = Catalogue()

    def catalogue(self) -> Catalogue:
        """The specs as they stand in the folders now."""
        with self._lock:
            present = [(str(path), *file_mark(path)) for folder in self._folders for path in spec_files(folder)]
            if present != self._seen:
                self._catalogue, self._seen = installed_specs(self._settings), present
            return self._catalogue


class Services:
    """The parts of the service."""

    def __init__(self, settings: Settings, limits: ServiceSettings) -> None:
        self.settings = settings
        self.limits = limits
        self.access = Access(settings)
        self.telemetry = Telemetry(settings.millrace_home)
        self.links = Links(settings)
        self.specs = SpecShelf(settings)
        made_pipelines = MongoPipelines(settings)
        self.made = MadePipelines(settings, made_pipelines, self.access.audit.trail)
        self.drafting = Drafting(settings, limits.serving_draft_seconds)
        self.copyist = Copyist(Mirror(settings, made_pipelines), settings.model_poll_seconds)
        self.runs = MongoRunStore(settings)
        self.champion_records = ChampionRecords(self.runs)
        self.monitoring = MonitoringStore(settings)
        self.desk = AlertDesk(settings)
        self.courier = Courier(self.desk)
        self.artifacts: ArtifactStore = S3ArtifactStore(settings)
        self.apart = Apart("predictions", limits.serving_threads + FURTHER_LANES, niceness=limits.serving_apart_nice)
        self.loader = ModelLoader(
            lambda: self.registry,
            ModelFiles(settings.millrace_home / "models"),
            limits.serving_onnx_threads,
            self.apart if limits.serving_apart else None,
            pickles=limits.serving_pickles == "load",
        )
        self.traffic_store = MongoTrafficRules(settings)
        self.rules = TrafficRules(self.traffic_store, settings.millrace_home / "models" / ".traffic.json")
        self.manager = ModelManager(self.loader, self.rules.labels)
        self.variants = Variants(self.manager, self.loader, self.rules, limits.serving_visiting_versions)
        self.traffic = Traffic(self.manager, self.variants, self.rules)
        self.watcher = Watcher((self.rules, self.manager, self.variants), settings.model_poll_seconds)
        self.pool = BoundedPool(limits.serving_threads, limits.serving_waiting)
        self.uploads = Uploads(
            settings.millrace_home / "uploads",
            most=limits.serving_files,
            most_bytes=limits.serving_file_bytes,
            seconds=limits.serving_file_seconds,
        )
        self.explaining = Explaining(limits.serving_explain_seconds)
        self.probes = Probes(settings)
        self.metrics = Metrics(settings.millrace_home)
        self.access_log = AccessLog()
        self.prediction_store = PredictionStore(settings, limits.serving_predictions_days)
        self.prediction_log = PredictionLog(
            self.prediction_store,
            settings.millrace_home / "spool" / "predictions",
            share=limits.serving_predictions_share,
            masked=limits.serving_predictions_masked,
            seconds=limits.serving_predictions_seconds,
            most_bytes=limits.serving_predictions_spool_bytes,
        )
        recorder = Recorder(self.prediction_log, self.metrics)
        self.admission = Admission(limits.serving_wait_seconds, patience_of_caller, self.metrics.note_shed)
        self.shadows = Shadows(self.traffic, recorder.note, limits.serving_shadow_rows)
        self.shared_cache = _shared_cache(self.access.options)
        self.cache = Remembered(
            AnswerCache(limits.serving_cache_entries, limits.serving_cache_bytes),
            self.shared_cache,
            compiled=limits.serving_cache_compiled,
        )
        self.answering = Answering(
            traffic=self.traffic,
            variants=self.variants,
            shadows=self.shadows,
            cache=self.cache,
            pool=self.pool,
            limits=limits,
            note=self.telemetry.noting(recorder.note),
            admission=self.admission,
            key=key_of_request,
        )
        self.runtime_metrics = RuntimeMetrics(self.metrics.registry, self.cache.cache, self.traffic, self.shadows)
        self.gauges = Gauges(
            self.metrics,
            self.manager,
            self.prediction_log,
            self.admission.under_way,
            self.runs.get_run,
            self.runtime_metrics.refresh,
        )

    @cached_property
    def registry(self) -> ModelRegistry:
        """The model registry; importing MLflow takes seconds, so it waits for the watcher's thread."""
        from millrace.stores.model_registry import MlflowRegistry

        return MlflowRegistry(self.settings)

    def start(self) -> None:
        """Start the threads; nothing is waited for."""
        self.watcher.start()
        self.access.start()
        self.prediction_log.start()
        self.gauges.start()
        self.courier.start()
        self.copyist.start()

    async def close(self) -> None:
        """Stop the threads."""
        await self.watcher.stop()
        await self.access.close()
        self.gauges.close()
        self.courier.close()
        self.copyist.close()
        await asyncio.to_thread(self.prediction_log.close)
        self.access_log.close()
        await asyncio.to_thread(self.telemetry.close)
        self.pool.close()
        await asyncio.to_thread(self.explaining.close)
        await asyncio.to_thread(self.apart.close)
        self.variants.close()
        self.shadows.close()
        if self.shared_cache is not None:
            await self.shared_cache.close()
        self.probes.close()


def _shared_cache(options: AccessSettings) -> SharedCache | None:
    return SharedCache(options.redis_url.get_secret_value()) if options.redis_url is not None else None


async def _services(request: Request) -> Services:  # async: a plain function costs each request a hop to a thread
    services: Services = request.app.state.services
    return services


ServicesDep = Annotated[Services, Depends(_services)]
