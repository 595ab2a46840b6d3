"""How long 100 specs take to parse, as Airflow does again and again; the floor is reading the same YAML alone."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

from report import Row, emit

from millrace.settings import get_settings
from millrace.spec.catalogue import load_catalogue
from millrace.spec.document import read_document

SPECS, RUNS = 100, 5


def timed(work: object) -> float:
    """Median seconds of a few runs after one that is not counted."""
    assert callable(work)
    work()
    seconds = []
    for _ in range(RUNS):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def main() -> None:
    """Copy an example a hundred times under new names, and parse the folder."""
    example = (get_settings().millrace_pipelines_dir / "air-quality-co.yaml").read_text()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for i in range(SPECS):
            (folder / f"{i:03}.yaml").write_text(example.replace("name: air-quality-co", f"name: p{i:03}"))
        floor = timed(lambda: [read_document(path) for path in folder.glob("*.yaml")])
        figure = timed(lambda: load_catalogue(folder))
        assert len(load_catalogue(folder).specs) == SPECS
    emit(
        Row(
            "100 specs parsed", f"{figure:.2f} s", f"reading their YAML {floor:.2f} s", f"{figure / floor:.2f}", "< 2 s"
        )
    )


if __name__ == "__main__":
    main()
