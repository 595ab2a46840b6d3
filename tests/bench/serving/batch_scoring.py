"""Batch scoring of a million rows against the bare ONNX session: rows a second, and peak memory of the process.

    python tests/bench/serving/batch_scoring.py [rows]

Every way is measured in a process of its own: the session alone on arrays in memory, and `scored_job` from Parquet to
Parquet. The model is that of the serving benchmark; the session may use two threads in both.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import joblib
import pyarrow as pa
import pyarrow.parquet as pq
from fixture import FIELDS, fitted, table

from millrace.cli.addresses import sink_of, source_of
from millrace.compiled.form import MODEL_FILE, REPORT_FILE, CompiledReport, compiled_form, opened
from millrace.inputs.signature import InputField, Signature
from millrace.stages.batch_scoring.model import ScoringModel
from millrace.stages.score import Job, scored_job
from millrace.stores.base import ModelVersion

CHUNK = 50_000


def main(rows: int) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        prepare(folder, rows)
        found = {way: measured(folder, way, rows) for way in WAYS}
    bare = found["session"]["rows_per_second"]
    print(f"{rows:,} rows, {len(FIELDS)} features, RandomForest 100 x depth 15")
    print("| way | rows/s | share of the bare session | peak MiB |\n|---|---|---|---|")
    for way, one in found.items():
        share = one["rows_per_second"] / bare
        print(f"| {way} | {one['rows_per_second']:,.0f} | {share:.2f} | {one['peak_mib']:,.0f} |")


def prepare(folder: Path, rows: int) -> None:
    """The benchmark's compiled model, and a table of ids and inputs."""
    model = fitted()
    form = compiled_form(model, table(1_000, seed=3))
    if form.content is None:
        raise RuntimeError(f"the model was not compiled: {form.report.reason}")
    for name, content in form.files().items():
        (folder / name).write_bytes(content)
    joblib.dump(model, folder / "pipeline.joblib")
    schema = pa.schema([("id", pa.string()), *[(name, pa.float64()) for name in FIELDS]])
    with pq.ParquetWriter(folder / "rows.parquet", schema) as writer:
        for start in range(0, rows, CHUNK):
            part = table(min(CHUNK, rows - start), seed=start).assign(id=lambda frame: frame.index.astype(str))
            writer.write_table(pa.Table.from_pandas(part[["id", *FIELDS]], schema=schema, preserve_index=False))


def measured(folder: Path, way: str, rows: int) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, __file__, "--way", way, str(folder), str(rows)], capture_output=True, text=True, check=True
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def session(folder: Path, rows: int) -> float:
    """Only the session, on arrays that are there."""
    model, _ = loaded(folder)
    frame = table(CHUNK)
    columns = {name: frame[name].to_numpy() for name in FIELDS}
    started = time.perf_counter()
    for _ in range(rows // CHUNK):
        model.answer(columns)
    return time.perf_counter() - started


def scored(folder: Path, rows: int) -> float:
    """Parquet in, Parquet out, as `millrace score` does it."""
    compiled, pipeline = loaded(folder)
    fields = tuple(InputField(name, "double", True) for name in FIELDS)
    version = ModelVersion(name="bench", version="1", uri="models:/bench/1", run_id="r", created="2026-01-01")
    model = ScoringModel(version, Signature(fields, {}), pipeline, compiled, "regression", ["y"])
    job = Job(source_of(str(folder / "rows.parquet")), [sink_of(str(folder / "out.parquet"))], "r")
    started = time.perf_counter()
    done = scored_job(model, job)
    assert done.rows == rows
    return time.perf_counter() - started


def loaded(folder: Path) -> tuple[Any, Any]:
    pipeline = joblib.load(folder / "pipeline.joblib")
    report = CompiledReport.model_validate_json((folder / REPORT_FILE).read_text("utf-8"))
    return opened((folder / MODEL_FILE).read_bytes(), report, pipeline[0], threads=2), pipeline


WAYS = {"session": session, "score": scored}

if __name__ == "__main__":
    if "--way" in sys.argv:
        _, _, way, folder, rows = sys.argv
        seconds = WAYS[way](Path(folder), int(rows))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"rows_per_second": int(rows) / seconds, "peak_mib": peak}))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
