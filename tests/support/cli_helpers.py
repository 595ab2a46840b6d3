"""Runs the program as a user does, and answers HTTP calls as a server would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from millrace.settings import Settings

PROGRAM = [sys.executable, "-c", "from millrace.cli.main import main; main()"]
Answer = tuple[int, Any]


def millrace(*arguments: str, home: Path, given: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """The program's outcome, on a home of its own, with `given` on its standard input."""
    everything = inherited() | {"MILLRACE_HOME": str(home), **environment}
    return subprocess.run(
        [*PROGRAM, *arguments], env=everything, input=given, capture_output=True, text=True, timeout=300, check=False
    )


def inherited() -> dict[str, str]:
    """The environment of the tests without what a developer's shell may add to the program's words."""
    return {name: value for name, value in os.environ.items() if name != "MILLRACE_DEBUG"}


def stores_of(settings: Settings) -> dict[str, str]:
    """The environment by which the program finds the stores of a test's installation."""
    return {
        "MONGODB_URI": settings.mongodb,
        "MONGODB_DATABASE": settings.mongodb_database,
        "MLFLOW_TRACKING_URI": settings.mlflow,
        "S3_ENDPOINT_URL": settings.s3_endpoint,
        "S3_BUCKET": settings.s3_bucket,
    }


def program_on(settings: Settings) -> Callable[..., subprocess.CompletedProcess[str]]:
    """`millrace` on the home and the stores of a test's installation."""
    return partial(millrace, home=settings.millrace_home, **stores_of(settings))


@contextmanager
def http_server(answer: Callable[[str, str, Any, dict[str, str]], Answer]) -> Iterator[str]:
    """The base URL of a server on 127.0.0.1 that answers (method, path, JSON body, headers) with (status, JSON)."""

    class Handler(BaseHTTPRequestHandler):
        def _handle(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            status, document = answer(self.command, self.path, body, dict(self.headers))
            content = document if isinstance(document, bytes) else json.dumps(document).encode()
            self.send_response(status)
            if status == 429:
                self.send_header("Retry-After", "0")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = _handle  # noqa: N815 - the names that http.server asks for

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
