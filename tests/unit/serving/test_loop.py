"""The service's event loop takes callers who come at once in a few turns, and answers each as uvloop would."""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import closing

import pytest

from serving.quick.loop import MORE, new_event_loop

CALLERS = 200


class Echo(asyncio.Protocol):
    """Sends back what comes."""

    made: list[Echo]

    def connection_made(self, transport):
        self.transport = transport
        self.made.append(self)

    def data_received(self, data):
        self.transport.write(data)


@pytest.fixture
def loop():
    loop = new_event_loop()
    yield loop
    loop.close()


@pytest.fixture
def echo():
    return type("Echo", (Echo,), {"made": []})


def call(address):
    """A caller whose connection waits to be taken."""
    return socket.create_connection(address, timeout=30)


def test_all_who_came_at_once_are_taken_in_a_few_turns(loop, echo):
    async def turns(number):
        for _ in range(number):
            await asyncio.sleep(0)

    server = loop.run_until_complete(loop.create_server(echo, "127.0.0.1", 0, backlog=2 * CALLERS))
    address = server.sockets[0].getsockname()
    callers = [call(address) for _ in range(CALLERS)]
    loop.run_until_complete(turns(3 * (CALLERS // (MORE + 1) + 1)))
    assert len(echo.made) == CALLERS
    for number, caller in enumerate(callers):
        caller.sendall(b"%d" % number)

    heard = loop.run_in_executor(None, lambda: [int(caller.recv(16)) for caller in callers])
    assert loop.run_until_complete(heard) == list(range(CALLERS))
    for caller in callers:
        caller.close()
    server.close()
    loop.run_until_complete(server.wait_closed())
    with pytest.raises(ConnectionRefusedError):
        call(address)


def test_a_socket_that_workers_share_is_taken_from_too(loop, echo):
    with closing(socket.create_server(("127.0.0.1", 0))) as shared:
        server = loop.run_until_complete(loop.create_server(echo, sock=shared))
        callers = [call(shared.getsockname()) for _ in range(8)]

        async def taken():
            while len(echo.made) < len(callers):
                await asyncio.sleep(0)

        loop.run_until_complete(taken())
        server.close()
        for caller in callers:
            caller.close()


def test_a_handshake_that_fails_harms_nobody(loop, echo):
    failures = []
    loop.set_exception_handler(lambda _, about: failures.append(about["message"]))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)  # without a certificate no handshake comes about
    server = loop.run_until_complete(loop.create_server(echo, "127.0.0.1", 0, ssl=context))
    callers = [call(server.sockets[0].getsockname()) for _ in range(6)]
    for caller in callers:
        caller.sendall(b"GET / HTTP/1.1\r\n\r\n")

    async def refused():
        for caller in callers:
            while await loop.run_in_executor(None, _left, caller):
                pass

    loop.run_until_complete(refused())
    assert not any("never retrieved" in message for message in failures)
    assert echo.made == []
    server.close()


def _left(caller):
    """Whether there is more to read."""
    try:
        return bool(caller.recv(4096))
    except ConnectionResetError:
        return False
