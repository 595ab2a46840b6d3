"""Keeps the stores of local runs: starts them, restarts one that dies, and stops them when nobody uses them any more.

`python keeper.py <file>`, the file being JSON with `lock` and `programs`. "Nobody" is what the kernel says: the lock
that every local run shares can be had exclusively, be it because they ended or because they were killed. This file
imports nothing beyond the standard library, so that a local run does not wait for it.
"""

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

POLL_SECONDS = 0.2
STOP_SECONDS = 10.0
RESTART_SECONDS = 1.0


def start(program: dict[str, Any]) -> "subprocess.Popen[bytes]":
    """Start one program, its output going to the end of its log."""
    with Path(program["log"]).open("ab") as log:
        return subprocess.Popen(  # noqa: S603 - our own program
            program["argv"],
            env={**os.environ, **program["environment"]},
            cwd=program["directory"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )


def stop(program: dict[str, Any], child: "subprocess.Popen[bytes]") -> None:
    """Stop one program; kill it when it does not listen."""
    child.terminate()
    try:
        # A server that waits in accept() sees the signal's effect only when somebody knocks.
        time.sleep(0.02)
        socket.create_connection((program["host"], program["port"]), timeout=0.2).close()
    except OSError:
        pass
    try:
        child.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def unused(lock: int) -> bool:
    """Whether nobody uses the stores; if so, nobody can begin to until this process ends."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def main() -> None:
    """Keep the programs of the file until nobody uses them."""
    document = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    lock = os.open(document["lock"], os.O_RDWR | os.O_CLOEXEC)
    programs = document["programs"]
    children: list[subprocess.Popen[bytes]] = []
    began = [time.monotonic()] * len(programs)
    try:
        for program in programs:
            children.append(start(program))
        while not unused(lock):
            for index, program in enumerate(programs):
                if children[index].poll() is not None and time.monotonic() - began[index] > RESTART_SECONDS:
                    children[index], began[index] = start(program), time.monotonic()
            time.sleep(POLL_SECONDS)
    finally:
        for program, child in zip(programs, children, strict=False):
            stop(program, child)


if __name__ == "__main__":
    main()
