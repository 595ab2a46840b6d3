"""What models cost in memory, by models and workers: `python tests/bench/serving/memory.py`.

PSS counts a page that several processes share once, each with its part; USS only what a process has for itself.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path

import fixture
import psutil
from servers import free_port, program, wait_for

CASES = ((1, 1), (9, 1), (1, 2), (9, 2))


def prepared(home: Path) -> Path:
    """A folder with nine equal models, each with a compiled form."""
    fixture.keep(home, "m0", fixture.fitted(), compiled=True)
    for number in range(1, 9):
        folder = shutil.copytree(home / "models" / "m0", home / "models" / f"m{number}")
        card = json.loads((folder / "1" / "version.json").read_text())
        card |= {"name": f"m{number}", "uri": f"models:/m{number}/1"}
        (folder / "1" / "version.json").write_text(json.dumps(card))
    return home / "models"


def measured(models: Path, count: int, workers: int) -> tuple[float, float]:
    """PSS and USS of all workers together, in MiB."""
    with tempfile.TemporaryDirectory(prefix="millrace-memory-") as folder:
        home, port = Path(folder), free_port()
        for number in range(count):
            shutil.copytree(models / f"m{number}", home / "models" / f"m{number}")
        nowhere = "http://127.0.0.1:9"
        environment = {
            "MILLRACE_HOME": str(home),
            "MONGODB_URI": "mongodb://127.0.0.1:9/?serverSelectionTimeoutMS=200",
            "MLFLOW_TRACKING_URI": nowhere,
            "S3_ENDPOINT_URL": nowhere,
        }
        argv = [sys.executable, "-m", "uvicorn", "serving.app:create_app", "--factory", "--port", str(port)]
        with program([*argv, "--workers", str(workers), "--no-access-log"], port, environment, home / "log"):
            for _ in range(4 * workers):  # any of the workers may answer
                wait_for(f"http://127.0.0.1:{port}", *(f"m{number}" for number in range(count)))
            mine = [c for c in psutil.Process().children(recursive=True) if f"--port {port}" in " ".join(c.cmdline())]
            ours = [*mine, *(child for one in mine for child in one.children(recursive=True) if child not in mine)]
            servers = [one for one in ours if one.memory_info().rss > 100 * 2**20]
            infos = [one.memory_full_info() for one in servers]
            return sum(i.pss for i in infos) / 2**20, sum(i.uss for i in infos) / 2**20


def main() -> None:
    """Measure every case and print it as a table."""
    with tempfile.TemporaryDirectory(prefix="millrace-memory-") as folder:
        models = prepared(Path(folder))
        print("| models | workers | PSS, MiB | USS, MiB |\n|---|---|---|---|")
        for count, workers in CASES:
            pss, uss = measured(models, count, workers)
            print(f"| {count} | {workers} | {pss:.0f} | {uss:.0f} |", flush=True)


if __name__ == "__main__":
    main()
