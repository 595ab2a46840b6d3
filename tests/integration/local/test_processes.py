"""Which processes belong to a stack, and how they end."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from millrace.errors import StackError
from millrace.local.ports import holder, is_free, refuse_foreign_stack, refuse_taken_ports
from millrace.local.processes import end, home_of, marked_environment, memory, processes_of
from millrace.local.programs import Program

DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('on', flush=True); time.sleep(60)"
TITLED = "import setproctitle, time; setproctitle.setproctitle('x' * 4000); print('on', flush=True); time.sleep(60)"
LISTENS = (
    "import socket, time; s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen();"
    "print(s.getsockname()[1], flush=True); time.sleep(60)"
)


class _Starter:
    def __init__(self) -> None:
        self.children: list[subprocess.Popen[str]] = []

    def __call__(self, home: Path | None, code: str) -> tuple[psutil.Process, str]:
        env = marked_environment(home, dict(os.environ)) if home else dict(os.environ)
        child = subprocess.Popen([sys.executable, "-c", code], env=env, stdout=subprocess.PIPE, text=True)
        self.children.append(child)
        assert child.stdout is not None
        return psutil.Process(child.pid), child.stdout.readline().strip()


@pytest.fixture
def start() -> Iterator[_Starter]:
    starter = _Starter()
    yield starter
    for child in starter.children:
        child.kill()
        child.wait()


def test_only_the_processes_of_this_home_are_found(start: _Starter, tmp_path: Path) -> None:
    ours, _ = start(tmp_path / "a", DEAF)
    start(tmp_path / "b", DEAF)
    start(None, DEAF)
    assert processes_of(tmp_path / "a") == [ours]


def test_a_process_that_sets_its_title_is_still_found(start: _Starter, tmp_path: Path) -> None:
    ours, _ = start(tmp_path, TITLED)
    assert home_of(ours) == str(tmp_path)


def test_a_process_that_does_not_listen_is_killed(start: _Starter, tmp_path: Path) -> None:
    start(tmp_path, DEAF)
    assert end(processes_of(tmp_path), grace=0.2) == []
    assert processes_of(tmp_path) == []


def test_the_environment_of_another_installation_does_not_come_in(tmp_path: Path) -> None:
    base = {
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "x",
        "AIRFLOW_HOME": "x",
        "PYTHONDONTWRITEBYTECODE": "1",
        "TOKEN": "t",
    }
    made = marked_environment(tmp_path, base)
    assert made["TOKEN"] == "t"
    assert not {"AIRFLOW_HOME", "PYTHONDONTWRITEBYTECODE", "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"} & set(made)
    assert marked_environment(tmp_path, {"NO_PROXY": "corp"})["NO_PROXY"] == "corp,127.0.0.1,localhost"


def test_memory_counts_children_and_forgives_the_dead() -> None:
    assert memory(os.getpid()) > 1_000_000
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert memory(gone.pid) == 0


def test_a_taken_port_is_refused_with_its_holder_and_a_way_out(start: _Starter) -> None:
    process, port = start(None, LISTENS)
    with pytest.raises(StackError, match=rf"Port {port}, which s3 needs.*pid {process.pid}.*MILLRACE_PORT_BASE"):
        refuse_taken_ports("127.0.0.1", [Program("s3", (), int(port))], 27600)


def test_a_free_port_is_free_also_just_after_use() -> None:
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        assert not is_free("127.0.0.1", port)
        client = socket.create_connection(("127.0.0.1", port))
        accepted, _ = server.accept()
        accepted.close()
        client.close()
    assert is_free("127.0.0.1", port)


def test_the_stack_of_another_home_is_told_from_ours_and_from_strangers(start: _Starter, tmp_path: Path) -> None:
    _, foreign = start(tmp_path / "other", LISTENS)
    _, stranger = start(None, LISTENS)
    with pytest.raises(StackError, match="other"):
        refuse_foreign_stack(tmp_path / "ours", [Program("mongodb", (), int(foreign))], 27600)
    refuse_foreign_stack(tmp_path / "other", [Program("mongodb", (), int(foreign))], 27600)
    refuse_foreign_stack(tmp_path / "ours", [Program("mongodb", (), int(stranger))], 27600)
    assert str(tmp_path / "other") in holder(int(foreign))
