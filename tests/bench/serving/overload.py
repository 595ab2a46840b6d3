"""Four times as much as the service can do: what it still answers, how fast, and how it refuses the rest."""

from __future__ import annotations

from pathlib import Path

from open_loop import Offered, offered
from report import Row
from servers import loaded

FOLD = 4
CONNECTIONS = 32


def rows(name: str, url: str, body: Path, key: str, seconds: float) -> list[Row]:
    """The table's rows for one address."""
    peak = loaded(url, body, seconds=seconds, connections=CONNECTIONS, key=key, tolerate_failures=True)
    found = offered(url, body.read_bytes(), FOLD * peak.per_second, max(seconds, 10), key)
    share = found.goodput / peak.per_second
    compared = f"peak with {CONNECTIONS} connections, {peak.per_second:,.0f} req/s"
    return [
        Row(f"{name}: {FOLD}x its capacity offered, goodput", f"{found.goodput:,.0f} req/s", compared,
            f"{share:.2f}", "at least 0.80"),
        Row("the same, p99 of what was accepted", f"{found.p99_ms:.0f} ms", _said(found), "-", "below 150 ms"),
    ]  # fmt: skip


def _said(found: Offered) -> str:
    others = {status: count for status, count in found.statuses.items() if status not in {200, 503}}
    refused = f"{found.statuses[503]:,} refused with 503"
    odd = f"; others {others}" if others else ""
    broken = f"; {found.broken} connections broken" if found.broken else ""
    silent = f"; {found.without_retry_after} without Retry-After" if found.without_retry_after else ""
    unsent = f"; {found.unsent:,} found no free connection" if found.unsent else ""
    return f"{found.due:,} requests due; {refused}{odd}{silent}{broken}{unsent}"
