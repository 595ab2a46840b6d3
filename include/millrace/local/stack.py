"""The embedded stack as a whole: up, down, and how it is.

Every function may be called at any time and again; each looks at what is there and does what is missing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from millrace.errors import StackError
from millrace.local.airflow import airflow_environment, require_dags
from millrace.local.credentials import Credentials, credentials
from millrace.local.ports import refuse_taken_ports
from millrace.local.preparation import make_bucket, make_folders, migrate_airflow
from millrace.local.processes import end, memory, processes_of
from millrace.local.programs import Phase, Program, stack_programs
from millrace.local.stack_env import forget_running, program_environment, stack_settings, stack_values, write_stack_env
from millrace.local.store_lock import exclusive_stores, starting
from millrace.local.supervisor import Supervisor
from millrace.local.waiting import Progress, silent, wait_until_healthy
from millrace.settings import PROJECT, Settings

STATES = {"RUNNING": "running", "STARTING": "starting", "BACKOFF": "restarting", "FATAL": "failed", "EXITED": "failed"}
END_SECONDS = 10.0
ATTEND_SECONDS = 1.0


class Stack:
    """The stack of one home: its programs, its secrets and its supervisor."""

    def __init__(self, settings: Settings) -> None:
        self.settings = stack_settings(settings)
        self.home = self.settings.millrace_home
        self.supervisor = Supervisor(self.home)

    def up(self, progress: Progress) -> list[str]:
        """See `up`."""
        require_dags()
        make_folders(self.settings)
        secrets = credentials(self.home, self.settings.airflow_username)
        programs = stack_programs(self.settings, secrets)
        with starting(self.home, progress):
            if self.supervisor.is_running():
                changed = self._write_configuration(programs, secrets)
                self._start(programs, secrets, progress)
                return _notes(changed)
            with exclusive_stores(self.home, progress):
                self._begin(programs, secrets)
                try:
                    self._start(programs, secrets, progress)
                except BaseException:
                    self.down()
                    raise
        return []

    def down(self) -> None:
        """See `down`."""
        self.supervisor.stop()
        # What is left: the programs of a supervisor that was killed, tasks that left their process group.
        if survivors := end(processes_of(self.home), END_SECONDS):
            pids = ", ".join(str(process.pid) for process in survivors)
            raise StackError(f"These processes of the stack do not stop: {pids}.", hint="End them by hand.")
        forget_running(self.home)

    def _begin(self, programs: tuple[Program, ...], secrets: Credentials) -> None:
        end(processes_of(self.home), END_SECONDS)  # those of a supervisor that was killed
        refuse_taken_ports(self.settings.millrace_host, programs, self.settings.millrace_port_base)
        self._write_configuration(programs, secrets)
        self.supervisor.start()

    def _write_configuration(self, programs: tuple[Program, ...], secrets: Credentials) -> list[str]:
        write_stack_env(self.home, stack_values(self.settings, secrets))
        return self.supervisor.configure(programs, program_environment(self.settings), PROJECT)

    def _start(self, programs: tuple[Program, ...], secrets: Credentials, progress: Progress) -> None:
        stores = [program for program in programs if program.phase is Phase.STORES]
        self._start_all(stores, progress)
        if self.settings.s3_endpoint_url is None:
            make_bucket(self.settings)
        airflow = [program for program in programs if program.name.startswith("airflow-")]
        others = [program for program in programs if program not in stores + airflow]
        with ThreadPoolExecutor(max_workers=1) as pool:
            # Airflow's database is migrated while the others start.
            migration = pool.submit(self._migrate, bool(airflow), secrets, progress)
            for program in others:
                self.supervisor.start_program(program)
            migration.result()
        self._start_all(airflow + others, progress)

    def _migrate(self, wanted: bool, secrets: Credentials, progress: Progress) -> None:
        if wanted:
            migrate_airflow(self.settings, airflow_environment(self.settings, secrets), progress)

    def _start_all(self, programs: list[Program], progress: Progress) -> None:
        for program in programs:
            self.supervisor.start_program(program)
        limit = self.settings.millrace_start_seconds
        wait_until_healthy(self.supervisor, programs, self.settings.millrace_host, progress, limit=limit)


def up(settings: Settings, progress: Progress = silent) -> list[str]:
    """Start what does not run, and return when all of it is healthy; the stack then outlives this process.

    Returns notes for the person. When the stack had to be started and cannot be, everything is stopped again.
    """
    return Stack(settings).up(progress)


def down(settings: Settings) -> bool:
    """Stop everything that belongs to this home, its supervisor alive or not; whether there was anything to stop."""
    stack = Stack(settings)
    there = stack.home.exists() and (stack.supervisor.is_running() or bool(processes_of(stack.home)))
    if stack.home.exists():
        stack.down()
    return there


def attend(settings: Settings, say: Callable[[str], None]) -> None:
    """Stay with a running stack until interrupted; bring it back when its supervisor was killed."""
    supervisor = Supervisor(settings.millrace_home)
    while True:
        time.sleep(ATTEND_SECONDS)
        if not supervisor.is_running():
            say("the supervisor is gone; starting the stack again")
            up(settings)


def status(settings: Settings) -> list[dict[str, Any]]:
    """Each program of the stack: name, state, pid, port, uptime in seconds, and rss in bytes with its children."""
    stack = Stack(settings)
    if not stack.home.exists():
        return []
    secrets = credentials(stack.home, settings.airflow_username)
    known = stack.supervisor.programs()
    return [_state(program, known.get(program.name)) for program in stack_programs(stack.settings, secrets)]


def _state(program: Program, info: dict[str, Any] | None) -> dict[str, Any]:
    pid = (info or {}).get("pid") or None
    return {
        "name": program.name,
        "state": STATES.get(info["statename"], "stopped") if info else "stopped",
        "pid": pid,
        "port": program.port,
        "uptime": round(time.time() - info["start"]) if info and pid else None,
        "rss": memory(pid) if pid else None,
    }


def _notes(changed: list[str]) -> list[str]:
    if not changed:
        return []
    return [f"Settings of {', '.join(changed)} have changed; `millrace down`, then `millrace up`, applies them."]
