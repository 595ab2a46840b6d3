"""Says whether a port is free, and who has it when it is not."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from pathlib import Path

import psutil

from millrace.errors import StackError
from millrace.local.processes import home_of
from millrace.local.programs import Program
from millrace.settings import DEFAULT_PORT_BASE

HIGHEST_BASE = 31_000  # above 32767 Linux gives ports to clients


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen there now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def listener(port: int) -> psutil.Process | None:
    """The process that listens on the port, as far as this user may know."""
    for process in psutil.process_iter():
        try:
            connections = process.net_connections(kind="tcp")
        except (psutil.Error, OSError):
            continue
        if any(c.status == psutil.CONN_LISTEN and c.laddr and c.laddr.port == port for c in connections):
            return process
    return None


def holder(port: int) -> str:
    """The process that listens on the port, in words."""
    process = listener(port)
    if process is None:
        return "a process of another user"
    home = home_of(process)
    whose = f", part of the stack of {home}" if home else ""
    return f"{process.name()} (pid {process.pid}{whose})"


def refuse_foreign_stack(home: Path, programs: Iterable[Program], base: int) -> None:
    """Raise StackError when the stack of another home answers in place of one of these programs."""
    for program in programs:
        process = None if program.port is None or is_free("127.0.0.1", program.port) else listener(program.port)
        other = home_of(process) if process else None
        if other not in {None, str(home)}:
            raise _taken(program, base)


def refuse_taken_ports(host: str, programs: Iterable[Program], base: int) -> None:
    """Raise StackError when a program's port is not free."""
    for program in programs:
        if program.port is not None and not is_free(host, program.port):
            raise _taken(program, base)


def _taken(program: Program, base: int) -> StackError:
    other = base + 1000 if base < HIGHEST_BASE else DEFAULT_PORT_BASE
    return StackError(
        f"Port {program.port}, which {program.name} needs, is in use by {holder(program.port or 0)}.",
        hint=f"Stop that process, or move this stack with MILLRACE_PORT_BASE, for example {other}.",
        details={"port": program.port, "program": program.name},
    )
