"""Peak memory of sample rows x 10 columns through the stages of an ETL, each case in a process of its own.

`whole` has a step that needs the whole table. `streamed` has row-wise steps only and goes from a CSV file to a Parquet
file: five times the rows are to take the same memory.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil
from report import Row, emit

from millrace.local.stores import stores_running
from millrace.pipeline import new_run_id, open_context, perform
from millrace.settings import get_settings
from millrace.sources.samples.making import made
from millrace.spec.catalogue import load_spec

SAMPLE_SEED, CHUNK_ROWS = 17, 250_000
EXPECTATIONS = """\
expectations:
  - {expect: expect_column_values_to_not_be_null, column: machine}
  - {expect: expect_column_values_to_be_in_set, column: state, value_set: [running, idle, starting, maintenance]}
  - {expect: expect_column_values_to_be_between, column: load, min_value: 0, max_value: 1}
  - {expect: expect_column_values_to_be_between, column: vibration, max_value: 4.6, on_failure: quarantine}
  - {expect: expect_column_values_to_be_unique, column: cycles}
  - {expect: expect_column_mean_to_be_between, column: temperature, min_value: 40, max_value: 80}
"""
WHOLE = """\
transform:
  - {step: drop_empty}
  - {step: drop_duplicates}
"""
STREAMED = """\
transform:
  - {step: drop_empty}
  - {step: filter, where: "state != 'maintenance'"}
  - {step: derive, columns: {heat: "temperature * load", hot: "temperature > 70"}}
  - {step: date_parts, column: observed_at, parts: [hour, dayofweek]}
  - {step: clip, columns: [pressure], max: 7.5}
load:
  - {type: file, path: OUT}
"""


class PeakMemory:
    """Samples this process's resident memory, children left out."""

    def __init__(self) -> None:
        self.peak = psutil.Process().memory_info().rss
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> PeakMemory:
        self._thread.start()
        return self

    def taken(self) -> float:
        """The peak in MiB since the last call."""
        peak, self.peak = self.peak, psutil.Process().memory_info().rss
        return peak / 2**20

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._stop.wait(0.02):
            self.peak = max(self.peak, psutil.Process().memory_info().rss)


def spec_text(case: str, rows: int, folder: Path) -> str:
    """The spec of a case; the streamed one reads a CSV file, which is written here block by block."""
    if case == "whole":
        return f"name: bench-etl\nsource: {{type: sample, name: sensors, rows: {rows}}}\n{EXPECTATIONS}{WHOLE}"
    table = folder / "sensors.csv"
    for place, frame in enumerate(made("sensors", rows, SAMPLE_SEED, CHUNK_ROWS)):
        frame.to_csv(table, mode="a" if place else "w", header=not place, index=False)
    source = f"source: {{type: file, path: {table}, timestamp: {{from: observed_at, as: observed_at}}}}"
    return f"name: bench-etl\n{source}\n{EXPECTATIONS}{STREAMED.replace('OUT', str(folder / 'out.parquet'))}"


def measured(case: str, rows: int) -> None:
    """Run the stages in this process and print the peak, in MiB."""
    settings = get_settings()
    with tempfile.TemporaryDirectory() as folder, stores_running(settings):
        path = Path(folder) / "bench-etl.yaml"
        path.write_text(spec_text(case, rows, Path(folder)))
        loaded = load_spec(path)
        context = open_context(loaded, new_run_id(loaded.spec), settings=settings, use_cache=False)
        outputs: dict[str, dict[str, object]] = {}
        seconds, peaks = {}, {}
        with PeakMemory() as memory:
            for stage in ("extract", "validate", "transform", *(["load"] if loaded.spec.load else [])):
                started = time.perf_counter()
                outputs[stage] = perform(context, stage, outputs)
                seconds[stage], peaks[stage] = time.perf_counter() - started, memory.taken()
    columns = len(outputs["extract"]["dataset"]["columns"])  # type: ignore[index, call-overload]
    peak = max(*peaks.values(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10)
    steps = ", ".join(f"{stage} {taken:.1f} s / {peaks[stage]:,.0f} MiB" for stage, taken in seconds.items())
    what = "a step that needs the whole table" if case == "whole" else "row-wise steps only, CSV to Parquet"
    emit(
        Row(
            f"{rows:,} rows x {columns} columns through {', '.join(seconds)} ({what}): peak memory",
            f"{peak:,.0f} MiB ({steps})",
            "limit 1,536 MiB",
            f"{peak / 1536:.2f}",
            "< 1.5 GB",
        )
    )


def main() -> None:
    """Each case in a process of its own, so that its peak is its own."""
    for case, rows in (("whole", 1_000_000), ("streamed", 1_000_000), ("streamed", 5_000_000)):
        subprocess.run([sys.executable, __file__, case, str(rows)], check=True)


if __name__ == "__main__":
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    measured(sys.argv[1], int(sys.argv[2])) if sys.argv[1:] else main()
