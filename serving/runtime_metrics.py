"""Counts for Prometheus what the runtime counts for itself: the cache, the shadow, and variants that were stood in for.

The runtime counts in plain numbers, because the hot path has no time for more; they are carried over now and then.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from serving.runtime.cache import AnswerCache
from serving.runtime.shadows import Shadows
from serving.runtime.traffic import Traffic

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry


class RuntimeMetrics:
    """The counters of one process. Make it after `Metrics`, which decides where numbers are kept."""

    def __init__(self, registry: CollectorRegistry, cache: AnswerCache, traffic: Traffic, shadows: Shadows) -> None:
        import prometheus_client as prometheus

        def counter(name: str, help_: str, *labels: str) -> Any:
            return prometheus.Counter(name, help_, labels, registry=registry)

        self._carried: list[tuple[Any, Counter[Any], Counter[Any]]] = [
            (counter("prediction_cache_hits_total", "Answers given again.", "model"), cache.hits, Counter()),
            (counter("prediction_cache_misses_total", "Answers looked up in vain.", "model"), cache.misses, Counter()),
            (counter("shadow_rows_dropped_total", "Rows without room.", "model"), shadows.dropped, Counter()),
            (
                counter("prediction_fallbacks_total", "Champion in place of a variant.", "model", "variant"),
                traffic.fallbacks,
                Counter(),
            ),
        ]
        self._cache = cache
        self._bytes = prometheus.Gauge(
            "prediction_cache_bytes", "Memory of the cache.", multiprocess_mode="livesum", registry=registry
        )

    def refresh(self) -> None:
        """Carry over what was counted since the last time."""
        self._bytes.set(self._cache.bytes)
        for metric, counts, carried in self._carried:
            for key, count in list(counts.items()):
                more = count - carried[key]
                if more > 0:
                    metric.labels(*(key if isinstance(key, tuple) else (key,))).inc(more)
                    carried[key] = count
