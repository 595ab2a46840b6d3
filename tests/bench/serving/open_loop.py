"""Offers requests at a fixed rate, whether or not answers come: an overloaded server gets no relief from its callers.

A loop of callers who wait for their answers hides overload (Schroeder et al., "Open Versus Closed", NSDI 2006). Latency
counts from the moment when a request was due. wrk sends them, by `open_loop.lua`: it takes a tenth of a core for 4,000
requests a second. The rate is kept as long as a connection is free, so what was really offered is told.
"""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from servers import HERE

WARM_SECONDS = 2.0


@dataclass
class Offered:
    """What became of the requests that were due after the warming up."""

    seconds: float
    asked_per_second: float
    per_second: float
    """The rate that was really offered."""
    broken: int = 0
    """Connections that could not be made, read or written."""
    statuses: Counter[int] = field(default_factory=Counter)
    without_retry_after: int = 0
    """Refusals that do not say when to come again."""
    accepted_ms: list[float] = field(default_factory=list)
    refused_ms: list[float] = field(default_factory=list)

    @property
    def goodput(self) -> float:
        """Right answers a second."""
        return self.statuses[200] / self.seconds


def percentile(values: list[float], share: float) -> float:
    """The value below which so much of them lies; infinite where there are none."""
    ordered = sorted(values)
    return ordered[int(share * (len(ordered) - 1))] if ordered else float("inf")


def offered(url: str, body: Path, rate: float, seconds: float, key: str, connections: int = 1_000) -> Offered:
    """Offer `rate` requests a second for so long, after two seconds that do not count."""
    out = body.with_suffix(".answers")
    argv = ["wrk", "-t1", f"-c{connections}", f"-d{WARM_SECONDS + seconds:g}s", "-s", str(HERE / "open_loop.lua"), url]
    argv += ["--", str(body), str(out), f"{rate:g}", key]
    text = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    told = json.loads(next(line for line in text.splitlines() if line.startswith("RESULT ")).removeprefix("RESULT "))
    return _read(out, rate, told)


def _read(out: Path, rate: float, told: dict[str, float]) -> Offered:
    answers = [tuple(map(int, line.split())) for line in out.read_text().splitlines()]
    warm = min(due for due, *_ in answers) + WARM_SECONDS * 1e6
    seconds = told["seconds"] - WARM_SECONDS
    found = Offered(seconds, rate, told["sent"] / told["seconds"], int(told["broken"]))
    for due, status, microseconds, says_when in answers:
        if due < warm:
            continue
        found.statuses[status] += 1
        if status == 200:
            found.accepted_ms.append(microseconds / 1000)
            continue
        found.refused_ms.append(microseconds / 1000)
        found.without_retry_after += not says_when
    return found
