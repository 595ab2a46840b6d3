"""Four times as much as the service can do: what it still answers, how fast, and how it refuses the rest."""

from __future__ import annotations

import json
from pathlib import Path

from fixture import fitted, keep, table
from open_loop import Offered, offered, percentile
from rates import PREDICT
from report import Row
from servers import Load, api_key, database, loaded, uvicorn, wait_for

FOLD = 4
CALLERS = (16, 32)
CONNECTIONS = 32
MANY = (256, 1_000)


def rows(home: Path, seconds: float) -> list[Row]:
    """The table's rows: a model that is not compiled by an open loop, a compiled one by many callers who wait.

    Nothing on this machine offers four times of what the compiled model answers, so it gets many callers instead.
    """
    model, body = fitted(), home / "row.json"
    keep(home, "plain", model, compiled=False)
    keep(home, "compiled", model, compiled=True)
    body.write_text(json.dumps(table(1, seed=4).to_dict("records")[0]))
    with database(home) as environment, uvicorn("serving.app:create_app", home, environment) as address:
        wait_for(address, "plain", "compiled")
        key = api_key(address, home)
        found = _offered(address + PREDICT.format("plain"), body, key, seconds)
        return found + _crowded(address + PREDICT.format("compiled"), body, key, seconds)


def _offered(url: str, body: Path, key: str, seconds: float) -> list[Row]:
    peak = _peak(url, body, key, seconds)
    found = offered(url, body, FOLD * peak.per_second, max(seconds, 10), key)
    p99 = percentile(found.accepted_ms, 0.99)
    compared = f"peak of {', '.join(map(str, CALLERS))} callers who wait, {peak.per_second:,.0f} req/s"
    return [
        Row(f"model that is not compiled, {FOLD}x its capacity offered: goodput", f"{found.goodput:,.0f} req/s",
            compared, f"{found.goodput / peak.per_second:.2f}", "at least 0.80"),
        Row("the same, p99 of what was accepted", f"{p99:.0f} ms", _said(found), "-", "below 150 ms"),
    ]  # fmt: skip


def _peak(url: str, body: Path, key: str, seconds: float) -> Load:
    """The most that it does without overload: nothing is refused to so few callers."""
    return max((loaded(url, body, seconds=seconds, connections=callers, key=key) for callers in CALLERS),
               key=lambda load: load.per_second)  # fmt: skip


def _crowded(url: str, body: Path, key: str, seconds: float) -> list[Row]:
    peak = loaded(url, body, seconds=seconds, connections=CONNECTIONS, key=key)
    found = {callers: loaded(url, body, seconds=seconds, connections=callers, key=key, tolerate_failures=True)
             for callers in MANY}  # fmt: skip
    return [
        Row(f"compiled model, {callers:,} connections: goodput",
            f"{many.per_second:,.0f} req/s, p50 {many.p50_ms:.0f} ms, p99 {many.p99_ms:.0f} ms"
            + (f", {many.failed} failed or above 2 s" if many.failed else ""),
            f"{CONNECTIONS} connections, {peak.per_second:,.0f} req/s", f"{many.per_second / peak.per_second:.2f}",
            "at least 0.80, below 150 ms" if callers == MANY[0] else "-")
        for callers, many in found.items()
    ]  # fmt: skip


def _said(found: Offered) -> str:
    others = {status: count for status, count in found.statuses.items() if status not in {200, 503}}
    offer = f"{found.per_second:,.0f} req/s offered ({found.per_second / found.asked_per_second:.0%} of what was meant)"
    refused = f"{found.statuses[503]:,} refused with 503, p99 {percentile(found.refused_ms, 0.99):.0f} ms"
    odd = f"; others {others}" if others else ""
    broken = f"; {found.broken} connections broken" if found.broken else ""
    silent = f"; {found.without_retry_after} without Retry-After" if found.without_retry_after else ""
    return f"{offer}; {refused}{odd}{broken}{silent}"
