"""Peak memory of 1,000,000 sample rows x 10 columns through extract, validate and transform, in this one process."""

from __future__ import annotations

import os
import resource
import tempfile
import threading
import time
from pathlib import Path

import psutil
from report import Row, emit

from millrace.local.stores import stores_running
from millrace.pipeline import new_run_id, open_context, perform
from millrace.settings import get_settings
from millrace.spec.catalogue import load_spec

ROWS = 1_000_000
SPEC = f"""\
name: bench-etl
source: {{type: sample, name: sensors, rows: {ROWS}}}
expectations:
  - {{expect: expect_column_values_to_not_be_null, column: machine}}
  - {{expect: expect_column_values_to_be_in_set, column: state, value_set: [running, idle, starting, maintenance]}}
  - {{expect: expect_column_values_to_be_between, column: load, min_value: 0, max_value: 1}}
  - {{expect: expect_column_values_to_be_between, column: vibration, max_value: 4.6, on_failure: quarantine}}
  - {{expect: expect_column_values_to_be_unique, column: cycles}}
  - {{expect: expect_column_mean_to_be_between, column: temperature, min_value: 40, max_value: 80}}
transform:
  - {{step: drop_empty}}
  - {{step: drop_duplicates}}
"""


class PeakMemory:
    """Samples this process's resident memory, children left out."""

    def __init__(self) -> None:
        self.base = psutil.Process().memory_info().rss
        self.peak = self.base
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> PeakMemory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._stop.wait(0.02):
            self.peak = max(self.peak, psutil.Process().memory_info().rss)


def main() -> None:
    """Run the three stages and print the peak, in MiB."""
    settings = get_settings()
    with tempfile.TemporaryDirectory() as folder, stores_running(settings):
        path = Path(folder) / "bench-etl.yaml"
        path.write_text(SPEC)
        loaded = load_spec(path)
        context = open_context(loaded, new_run_id(loaded.spec), settings=settings, use_cache=False)
        outputs: dict[str, dict[str, object]] = {}
        seconds = {}
        with PeakMemory() as memory:
            for stage in ("extract", "validate", "transform"):
                started = time.perf_counter()
                outputs[stage] = perform(context, stage, outputs)
                seconds[stage] = time.perf_counter() - started
    columns = len(outputs["extract"]["dataset"]["columns"])  # type: ignore[index, call-overload]
    peak = max(memory.peak / 2**20, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10)
    steps = ", ".join(f"{stage} {taken:.1f} s" for stage, taken in seconds.items())
    emit(
        Row(
            f"{ROWS:,} rows x {columns} columns through extract, validate, transform: peak memory",
            f"{peak:,.0f} MiB ({steps})",
            "limit 1,536 MiB",
            f"{peak / 1536:.2f}",
            "< 1.5 GB",
        )
    )


if __name__ == "__main__":
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    main()
