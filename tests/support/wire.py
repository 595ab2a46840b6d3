"""The service asked byte by byte, and the same service behind uvicorn's own protocol to compare with."""

from __future__ import annotations

import json
import socket
from contextlib import contextmanager

import httpx
from in_process import on_port
from waiting import until

from serving.app import create_app

NAME = "mill-flow"
PATH = f"/api/v1/models/{NAME}/predict"
VOLATILE = ("timestamp", "request_id")


class Wire:
    """A connection on which bytes are written as a test pleases."""

    def __init__(self, client):
        self.socket = socket.create_connection(("127.0.0.1", client.base_url.port), timeout=30)
        self.file = self.socket.makefile("rb")

    def send(self, content):
        self.socket.sendall(content)

    def read(self):
        """Status, headers and body of one answer."""
        status = int(self.file.readline().split()[1])
        headers = {}
        while (line := self.file.readline().strip()) != b"":
            name, _, value = line.partition(b": ")
            headers[name.decode().lower()] = value.decode()
        return status, headers, self.file.read(int(headers["content-length"]))

    @property
    def is_closed(self):
        return self.socket.recv(1) == b""


def request(body, path=PATH, headers=""):
    """A request to predict one row."""
    content = json.dumps(body).encode() if not isinstance(body, bytes) else body
    head = f"POST {path} HTTP/1.1\r\nHost: mill\r\nContent-Length: {len(content)}\r\n{headers}\r\n"
    return head.encode("latin-1") + content


def without(answer):
    """An answer but for what is another one each time."""
    return {name: value for name, value in answer.items() if name not in VOLATILE}


@contextmanager
def ordinary(settings):
    """The same service behind uvicorn's own protocol; ready when its first look at the registry is over."""
    app = create_app(settings)
    with (
        on_port(app, proxy_headers=False) as port,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client,
    ):
        until(lambda: app.state.services.watcher.started, "the first look at the registry", pause=0.02)
        until(lambda: client.get(f"/v2/models/{NAME}/ready").status_code == 200, "the model")
        yield client
