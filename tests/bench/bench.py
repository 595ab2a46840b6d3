"""Runs every benchmark in a process of its own and prints one table: `make bench`, or `bench.py NAME…` for some."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from report import Row, show

BENCHMARKS = ("parse_specs", "etl_memory", "local_run", "warm_chain")


def main(names: list[str]) -> int:
    """Print the rows of the named benchmarks, or of all; a benchmark that fails is named and fails the whole."""
    rows, failed = [], []
    for name in names or BENCHMARKS:
        sys.stderr.write(f"{name} …\n")
        script = Path(__file__).with_name(f"{name}.py")
        finished = subprocess.run([sys.executable, str(script)], stdout=subprocess.PIPE, text=True, check=False)
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
