"""Runs the program as a user does, and answers HTTP calls as a server would."""

from __future__ import annotations

import io
import json
import logging
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

import pytest

from millrace.cli.main import main
from millrace.settings import Settings, get_settings

PROGRAM = [sys.executable, "-c", "from millrace.cli.main import main; main()"]
Answer = tuple[int, Any]
Outcome = subprocess.CompletedProcess[str]


def millrace(*arguments: str, home: Path, given: str = "", **environment: str) -> Outcome:
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


def program_on(settings: Settings) -> Callable[..., Outcome]:
    """`millrace` on the home and the stores of a test's installation."""
    return partial(millrace, home=settings.millrace_home, **stores_of(settings))


def commands_on(settings: Settings) -> Callable[..., Outcome]:
    """The same in this process, where imports cost nothing: for what commands do, not for how the program behaves."""
    return partial(_inside, MILLRACE_HOME=str(settings.millrace_home), **stores_of(settings))


def _inside(*arguments: str, given: str = "", **environment: str) -> Outcome:
    code, out, err = 0, io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MILLRACE_DEBUG", raising=False)
        for name, value in {"OMP_WAIT_POLICY": "PASSIVE", **environment}.items():
            patch.setenv(name, value)
        for name, stream in {
            "stdin": io.TextIOWrapper(io.BytesIO(given.encode())),
            "stdout": out,
            "stderr": err,
        }.items():
            patch.setattr(sys, name, stream)
        patch.setattr(sys, "argv", ["millrace", *arguments])
        get_settings.cache_clear()
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        finally:
            get_settings.cache_clear()
            logging.captureWarnings(False)
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())


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
