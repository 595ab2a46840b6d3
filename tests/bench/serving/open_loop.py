"""Offers requests at a fixed rate, whether or not answers come: an overloaded server gets no relief from its callers.

A loop of callers who wait for their answers hides overload (Schroeder et al., "Open Versus Closed", NSDI 2006). Latency
counts from the moment when a request was due.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import uvloop

TICK_SECONDS = 0.002
WARM_SECONDS = 2.0


@dataclass
class Offered:
    """What became of the requests."""

    seconds: float
    """Measured, after the warming up."""
    warm_until: float = 0.0
    due: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    broken: int = 0
    """Connections that ended in the middle of an answer."""
    unsent: int = 0
    """Requests for which all connections were taken."""
    without_retry_after: int = 0
    """Refusals that do not say when to come again."""
    accepted_ms: list[float] = field(default_factory=list)

    @property
    def goodput(self) -> float:
        """Right answers a second."""
        return self.statuses[200] / self.seconds

    @property
    def p99_ms(self) -> float:
        """Of the accepted ones."""
        ordered = sorted(self.accepted_ms)
        return ordered[int(0.99 * (len(ordered) - 1))] if ordered else float("inf")


class _Caller(asyncio.Protocol):
    """One connection, with one request at a time."""

    def __init__(self, pool: list[_Caller], found: Offered) -> None:
        self._pool, self._found = pool, found
        self._due: float | None = None
        self._answer = b""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def send(self, request: bytes, due: float) -> None:
        self._due, self._answer = due, b""
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, mark, body = self._answer.partition(b"\r\n\r\n")
        if not mark:
            return
        lower = head.lower()
        length = int(lower.partition(b"content-length: ")[2].partition(b"\r\n")[0])
        if len(body) < length:
            return
        status, counts = int(head[9:12]), self._due >= self._found.warm_until
        self._found.statuses[status] += counts
        if status == 200 and counts:
            self._found.accepted_ms.append((time.perf_counter() - self._due) * 1000)
        elif status != 200 and b"retry-after" not in lower:
            self._found.without_retry_after += 1
        self._due = None
        self._pool.append(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        if self._due is not None:
            self._found.broken += 1
        elif self in self._pool:
            self._pool.remove(self)


def offered(
    url: str, body: bytes, rate: float, seconds: float, key: str | None = None, connections: int = 2_000
) -> Offered:
    """Offer `rate` requests a second for so long, after two seconds that do not count, over so many connections."""
    return uvloop.run(_offered(url, body, rate, seconds, key, connections))


async def _offered(url: str, body: bytes, rate: float, seconds: float, key: str | None, most: int) -> Offered:
    loop, parts, found, pool = asyncio.get_running_loop(), urlsplit(url), Offered(seconds), []
    request = _request(parts.path, body, key)
    made = 0

    async def more(count: int) -> None:
        for _ in range(count):
            _, caller = await loop.create_connection(lambda: _Caller(pool, found), parts.hostname, parts.port)
            pool.append(caller)

    await more(made := min(64, most))
    started = time.perf_counter()
    found.warm_until = started + WARM_SECONDS
    opening: asyncio.Task[None] | None = None
    while (now := time.perf_counter() - started) < WARM_SECONDS + seconds:
        while found.due < now * rate:
            due = started + found.due / rate
            found.due += 1
            while pool and pool[-1].transport is None:
                pool.pop()
            if pool:
                pool.pop().send(request, due)
            else:
                found.unsent += 1
        if len(pool) < 16 and made < most and (opening is None or opening.done()):
            made += 64
            opening = asyncio.create_task(more(64))
        await asyncio.sleep(TICK_SECONDS)
    await asyncio.sleep(3)  # the answers that are still on their way
    return found


def _request(path: str, body: bytes, key: str | None) -> bytes:
    bearer = f"Authorization: Bearer {key}\r\n" if key else ""
    head = f"POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return f"{head}{bearer}\r\n".encode() + body
