"""A real supervisord with small programs in a home whose path needs every kind of quoting."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from free_ports import free_port_base
from waiting import until

from millrace.errors import StackError
from millrace.local.preparation import make_folders
from millrace.local.processes import end, processes_of
from millrace.local.programs import Phase, Program
from millrace.local.supervisor import Supervisor
from millrace.local.waiting import wait_until_healthy
from millrace.settings import Settings

LISTEN = (
    "import os, socket, time\n"
    "s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)\n"
    "s.bind(('127.0.0.1', int(os.environ['PORT']))); s.listen()\n"
)
PARENT = (
    f"import os, time\nif os.fork() == 0:\n    {LISTEN.replace(chr(10), chr(10) + '    ')}time.sleep(60)\nos.wait()"
)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / """a 'b' "c" %(here)s ;d #e é"""
    make_folders(Settings(millrace_home=path, _env_file=None))
    yield path
    Supervisor(path).stop()
    end(processes_of(path), 5)


@pytest.fixture
def supervisor(home: Path) -> Supervisor:
    return Supervisor(home)


def program(name: str, code: str, phase: Phase = Phase.PLATFORM, **environment: str) -> Program:
    port = free_port_base()
    argv = (sys.executable, "-c", code)
    return Program(name, argv, port, {"PORT": str(port), **environment}, phase=phase, stop_seconds=2)


def begin(supervisor: Supervisor, home: Path, *programs: Program) -> None:
    supervisor.configure(programs, {"HOME_SEEN": str(home)}, home)
    supervisor.start()
    for one in programs:
        supervisor.start_program(one)
    wait_until_healthy(supervisor, programs, "127.0.0.1", lambda *_: None, limit=30)


def test_a_program_gets_its_environment_and_folder_whatever_is_in_them(supervisor: Supervisor, home: Path) -> None:
    odd = """quotes ' " and %(x)s, a ; and # and \\ and
a line break"""
    code = f"{LISTEN}print(repr((os.environ['ODD'], os.environ['HOME_SEEN'], os.getcwd())), flush=True); time.sleep(60)"
    begin(supervisor, home, program("odd", code, ODD=odd))
    until(lambda: supervisor.log_file("odd").read_text().strip() != "")
    assert supervisor.log_file("odd").read_text().strip() == repr((odd, str(home), str(home)))


def test_what_dies_comes_back_and_stop_leaves_nothing(supervisor: Supervisor, home: Path) -> None:
    one = program("one", f"{LISTEN}time.sleep(60)", Phase.STORES)
    begin(supervisor, home, one, program("two", f"{LISTEN}time.sleep(60)"))
    first = supervisor.programs()["one"]["pid"]
    os.kill(first, signal.SIGKILL)
    until(lambda: supervisor.programs()["one"]["pid"] not in {0, first})
    wait_until_healthy(supervisor, [one], "127.0.0.1", lambda *_: None, limit=30)
    supervisor.stop()
    assert not supervisor.is_running()
    assert processes_of(home) == []


def test_children_of_a_killed_program_do_not_keep_its_port(supervisor: Supervisor, home: Path) -> None:
    parent = program("parent", PARENT)
    begin(supervisor, home, parent)
    first = supervisor.programs()["parent"]["pid"]
    (child,) = psutil.Process(first).children()
    os.kill(first, signal.SIGKILL)
    until(lambda: supervisor.programs()["parent"]["pid"] not in {0, first})
    until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)
    wait_until_healthy(supervisor, [parent], "127.0.0.1", lambda *_: None, limit=30)


def test_a_program_that_cannot_start_is_told_with_its_last_words(supervisor: Supervisor, home: Path) -> None:
    broken = program("broken", "raise OSError(98, 'Address already in use')")
    with pytest.raises(StackError, match="MILLRACE_PORT_BASE") as raised:
        begin(supervisor, home, broken)
    assert "broken" in raised.value.message
    assert "Address already in use" in raised.value.message


def test_a_program_that_never_answers_is_told(supervisor: Supervisor, home: Path) -> None:
    mute = program("mute", "import time; print('thinking', flush=True); time.sleep(60)")
    supervisor.configure([mute], {}, home)
    supervisor.start()
    supervisor.start_program(mute)
    until(lambda: supervisor.log_file("mute").read_text() != "")
    with pytest.raises(StackError, match=r"(?s)mute is not healthy after 0 s.*thinking"):
        wait_until_healthy(supervisor, [mute], "127.0.0.1", lambda *_: None, limit=0.2)


def test_a_silent_program_that_never_answers_may_need_more_time(supervisor: Supervisor, home: Path) -> None:
    silent = program("silent", "import time; time.sleep(60)")
    supervisor.configure([silent], {}, home)
    supervisor.start()
    supervisor.start_program(silent)
    with pytest.raises(StackError, match=r"It has written nothing to .*silent.log.*MILLRACE_START_SECONDS"):
        wait_until_healthy(supervisor, [silent], "127.0.0.1", lambda *_: None, limit=0.2)


def test_processes_of_a_killed_supervisor_are_found(supervisor: Supervisor, home: Path) -> None:
    begin(supervisor, home, program("left", f"{LISTEN}time.sleep(60)"))
    pid = int((home / "supervisor" / "supervisord.pid").read_text())
    os.kill(pid, signal.SIGKILL)
    until(lambda: not supervisor.is_running())
    assert len(processes_of(home)) == 1
    assert end(processes_of(home), 5) == []


def test_a_changed_program_is_named(supervisor: Supervisor, home: Path) -> None:
    one, two = program("one", "pass"), program("two", "pass")
    assert supervisor.configure([one, two], {}, home) == ["one", "two"]
    assert supervisor.configure([one, two], {}, home) == []
    assert supervisor.configure([one, program("two", "other")], {}, home) == ["two"]
    assert (home / "supervisor" / "one.json").stat().st_mode & 0o777 == 0o600


def test_a_home_with_a_long_path_works(tmp_path: Path) -> None:
    home = tmp_path.joinpath(*["long" * 10] * 4)
    make_folders(Settings(millrace_home=home, _env_file=None))
    supervisor = Supervisor(home)
    try:
        begin(supervisor, home, program("far", f"{LISTEN}time.sleep(60)"))
        assert set(supervisor.programs()) == {"far"}
    finally:
        supervisor.stop()
    assert processes_of(home) == []
