"""The embedded MongoDB and S3 for a run without a stack: there while somebody uses them, gone afterwards."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil

from millrace.errors import StackError
from millrace.local.ports import refuse_foreign_stack, refuse_taken_ports
from millrace.local.preparation import make_bucket, make_folders
from millrace.local.private_files import write_private
from millrace.local.processes import GONE, end, marked_environment
from millrace.local.programs import Program, embedded_stores
from millrace.local.stack_env import forget_running, uses_embedded_mlflow
from millrace.local.store_lock import Notice, is_last_user, shared_stores, starting, stores_lock_file
from millrace.local.supervisor import Supervisor
from millrace.local.waiting import failure, silent
from millrace.settings import PROJECT, Settings

START_SECONDS = 60.0
STOP_SECONDS = 25.0
_KEEPER = Path(__file__).with_name("keeper.py")


@contextmanager
def stores_running(settings: Settings, notice: Notice = silent) -> Iterator[Settings]:
    """Within it, MongoDB and S3 answer; yields the settings in force.

    Stores of a running stack, or of another local run, are used as they are. What had to be started is stopped when
    its last user leaves, and also when that user is killed.
    """
    settings = _without_stopped_mlflow(settings)
    programs = embedded_stores(settings)
    if not programs:
        yield settings
        return
    make_folders(settings)
    home = settings.millrace_home
    with ExitStack() as held:
        with starting(home, notice):
            descriptor = held.enter_context(shared_stores(home, notice))
            _ensure_running(settings, programs)
        try:
            yield settings
        finally:
            if is_last_user(descriptor):
                _stop_keeper(home)


def _without_stopped_mlflow(settings: Settings) -> Settings:
    """Without the address that a stack wrote which does not run any more; MLflow's database itself serves then."""
    home = settings.millrace_home
    if settings.mlflow_tracking_uri is None or not uses_embedded_mlflow(settings) or Supervisor(home).is_running():
        return settings
    forget_running(home)
    return settings.model_copy(update={"mlflow_tracking_uri": None})


def _ensure_running(settings: Settings, programs: tuple[Program, ...]) -> None:
    refuse_foreign_stack(settings.millrace_home, programs, settings.millrace_port_base)
    missing = [program for program in programs if not program.probe(settings.millrace_host)(0)]
    if missing and Supervisor(settings.millrace_home).is_running():
        _wait(settings, missing, None)  # the supervisor brings back what has died
    elif missing:
        refuse_taken_ports(settings.millrace_host, missing, settings.millrace_port_base)
        _wait(settings, missing, _start_keeper(settings, missing))
    if settings.s3_endpoint_url is None:
        make_bucket(settings)


def _start_keeper(settings: Settings, programs: list[Program]) -> subprocess.Popen[bytes]:
    home = settings.millrace_home
    document = {
        "lock": str(stores_lock_file(home)),
        "programs": [
            {
                "argv": program.argv,
                "environment": program.environment,
                "directory": str(PROJECT),
                "log": str(_log(home, program)),
                "host": settings.millrace_host,
                "port": program.port,
            }
            for program in programs
        ],
    }
    path = home / "supervisor" / "keeper.json"
    write_private(path, json.dumps(document, indent=1))
    keeper = subprocess.Popen(  # noqa: S603 - our own interpreter
        [sys.executable, "-I", "-S", str(_KEEPER), str(path)],
        env=marked_environment(home, dict(os.environ)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=(home / "logs" / "keeper.log").open("ab"),
        start_new_session=True,
    )
    _pid_file(home).write_text(f"{keeper.pid} {psutil.Process(keeper.pid).create_time()}")
    return keeper


def _wait(settings: Settings, programs: list[Program], keeper: subprocess.Popen[bytes] | None) -> None:
    deadline = time.monotonic() + START_SECONDS
    for program in programs:
        probe = program.probe(settings.millrace_host)
        while not probe(0):
            ended = keeper is not None and keeper.poll() is not None
            if ended or time.monotonic() > deadline:
                if keeper is not None:
                    _stop_keeper(settings.millrace_home)
                reason = "cannot be started" if ended else f"does not answer after {START_SECONDS:.0f} s"
                raise failure(program.name, reason, _log(settings.millrace_home, program))
            time.sleep(0.02)


def _stop_keeper(home: Path) -> None:
    try:
        pid, created = _pid_file(home).read_text().split()
        keeper = psutil.Process(int(pid))
        if keeper.create_time() != float(created):
            return
    except (*GONE, OSError, ValueError):
        return
    if end([keeper], STOP_SECONDS):
        raise StackError(f"The keeper of the stores (pid {pid}) does not stop.", hint="Run `millrace down`.")
    _pid_file(home).unlink(missing_ok=True)


def _pid_file(home: Path) -> Path:
    return home / "supervisor" / "keeper.pid"


def _log(home: Path, program: Program) -> Path:
    return home / "logs" / f"{program.name}.log"
