"""What serving costs and what it stands: `make bench-serving`, or some of it with PARTS="rates outage".

Needs wrk. BENCH_SECONDS sets how long each load lasts (5), SOAK_SECONDS the soak (120).
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

import outage
import overload
import promotions
import rates
import soak
from report import Row, show

PARTS = {
    "rates": rates.rows,
    "overload": overload.rows,
    "promotions": promotions.rows,
    "outage": outage.rows,
    "soak": soak.rows,
}


def main(names: list[str]) -> int:
    """Print the table."""
    unknown = [name for name in names if name not in PARTS]
    if unknown or shutil.which("wrk") is None:
        reason = f"no part {unknown[0]}; there are {', '.join(PARTS)}" if unknown else "wrk is not installed"
        sys.stderr.write(f"{reason}. scripts/install-debian-packages.sh installs what is needed.\n")
        return 2
    seconds, found = float(os.environ.get("BENCH_SECONDS", "5")), list[Row]()
    for name in names or PARTS:
        sys.stderr.write(f"measuring {name}\n")
        with tempfile.TemporaryDirectory(prefix="bench-serving-") as home:
            found += PARTS[name](Path(home), seconds)
    show(found)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
