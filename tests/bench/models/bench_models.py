"""Runs every table of the comparison in a process of its own and prints one table: `make bench-models`.

`bench_models.py [NAME…]` runs some: names of `tables.py`, or of scripts beside this one, such as `penguins`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from report import Row, show
from tables import TABLES

HERE = Path(__file__).parent
SCRIPTS = ("penguins", "aep", "iea")


def main(names: list[str]) -> int:
    """Print the rows; a table that fails is named and fails the whole."""
    rows, failed = [], []
    for name in names or [*(name for name in TABLES if name not in SCRIPTS), *SCRIPTS]:
        own = HERE / f"{name}.py"
        if not own.is_file() and name not in TABLES:
            sys.stderr.write(f"{name}: there is no such table\n")
            continue
        sys.stderr.write(f"{name} …\n")
        command = [str(own)] if own.is_file() else [str(HERE / "row.py"), name]
        finished = subprocess.run([sys.executable, *command], stdout=subprocess.PIPE, text=True, check=False)
        lines = [line for line in finished.stdout.splitlines() if line.startswith('{"measure"')]
        rows += [Row(**json.loads(line)) for line in lines]
        if finished.returncode:
            failed.append(name)
    show(rows)
    if failed:
        sys.stderr.write(f"failed: {', '.join(failed)}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
