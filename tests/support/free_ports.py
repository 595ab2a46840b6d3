"""Free ports for what a test starts: below those that the system gives to clients, and none of them given twice.

Workers that run side by side draw from ports of their own; whatever else listens on this machine is asked first. A
server in the tests' own process takes port 0 instead, as `in_process.py` does.
"""

from __future__ import annotations

import os
import random

from millrace.local.ports import HIGHEST_BASE, is_free
from millrace.settings import PORTS

LOWEST_BASE, STEP = 20_000, 20
_given: set[int] = set()


def free_port_base() -> int:
    """A base from which all ports of a stack are free; also good for a single server, which listens on the base."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    bases = set(range(LOWEST_BASE + worker * STEP, HIGHEST_BASE, workers * STEP)) - _given
    for base in random.sample(sorted(bases), len(bases)):
        if all(is_free("127.0.0.1", base + offset) for offset in PORTS.values()):
            _given.add(base)
            return base
    raise RuntimeError(f"no free ports between {LOWEST_BASE} and {HIGHEST_BASE}")
