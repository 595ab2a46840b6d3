"""What `millrace run --local` costs over the stages' own time, by its own record of each stage.

The stages import what they need, so their own time holds most of the imports already.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from report import Row, emit

from millrace.local.stores import stores_running
from millrace.settings import get_settings

RUNS = 3


def main() -> None:
    """Run the example a few times beside running stores; the median of their ratios."""
    millrace = Path(sys.executable).parent / "millrace"
    command = [str(millrace), "run", "breast-cancer", "--local", "--json", "--no-cache"]
    figures = []
    with stores_running(get_settings()):
        for _ in range(RUNS):
            started = time.perf_counter()
            finished = subprocess.run(command, check=True, capture_output=True, text=True)
            wall = time.perf_counter() - started
            stages = sum(stage["seconds"] for stage in json.loads(finished.stdout)["stages"])
            figures.append((wall / stages, wall, stages))
    ratio, wall, stages = sorted(figures)[RUNS // 2]
    emit(
        Row(
            "`millrace run --local`, one pipeline with two candidates and the baseline",
            f"{wall:.1f} s",
            f"the stages' own {stages:.1f} s, most imports among them",
            f"{ratio:.2f}",
            "at most 1.1",
        )
    )


if __name__ == "__main__":
    main()
