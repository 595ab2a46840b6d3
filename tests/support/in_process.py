"""An application behind a real uvicorn in a thread of the tests' own process, on a port that the system gives."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from waiting import until


@contextmanager
def on_port(app: Any, **options: Any) -> Iterator[int]:
    """Where the application answers on 127.0.0.1; `options` are uvicorn's."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", **options))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        until(lambda: server.started or not thread.is_alive(), "the service", pause=0.02)
        assert server.started, "the service ended while it started"
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(timeout=30)
