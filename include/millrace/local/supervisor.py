"""Speaks with supervisord: writes its configuration, starts it, asks it about programs, stops it.

supervisord restarts what dies and rotates the logs. Nothing here knows what the programs are for.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
import xmlrpc.client as rpc
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from millrace.errors import StackError
from millrace.local.private_files import private_folder, write_private
from millrace.local.processes import marked_environment
from millrace.local.programs import Program

SOCKET_PATH_LIMIT = 90  # the system's is 108; supervisord adds a suffix while it makes the socket
START_SECONDS = 15.0
STOP_SECONDS = 60.0
_LAUNCH = Path(__file__).with_name("launch.py")


class Supervisor:
    """The supervisor of the stack of one home, running or not."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._folder = home / "supervisor"

    def log_file(self, program: str) -> Path:
        """Where a program's output goes."""
        return self._home / "logs" / f"{program}.log"

    def configure(self, programs: Iterable[Program], environment: dict[str, str], directory: Path) -> list[str]:
        """Write the configuration; returns the programs whose own part differs from the one that was there."""
        listed = list(programs)
        _write(self._folder / "supervisord.conf", self._configuration(listed))
        return [
            program.name
            for program in listed
            if _write(self._folder / f"{program.name}.json", _launch_document(program, environment, directory))
        ]

    def start(self) -> None:
        """Start supervisord in a session of its own; it starts no program by itself."""
        private_folder(self._home / "logs")
        private_folder(self._socket.parent)
        output = self._home / "logs" / "supervisord.out"
        with output.open("wb") as file:
            child = subprocess.Popen(
                [sys.executable, "-m", "supervisor.supervisord", "-c", "supervisord.conf"],
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                env=marked_environment(self._home, dict(os.environ)),
                start_new_session=True,
            )
        deadline = time.monotonic() + START_SECONDS
        while not self.is_running():
            if child.poll() is not None or time.monotonic() > deadline:
                raise StackError(
                    f"The supervisor could not be started: {output.read_text(errors='replace').strip()[-500:]}",
                    hint=f"Look at {output}.",
                )
            time.sleep(0.05)

    def is_running(self) -> bool:
        """Whether supervisord answers."""
        try:
            return bool(self._call("getState")["statename"] == "RUNNING")
        except (OSError, rpc.Error):
            return False

    def start_program(self, program: Program) -> None:
        """Ask for a program to be started, and do not wait; one that runs already is left alone."""
        try:
            self._call("startProcess", f"phase{int(program.phase)}:{program.name}", False)
        except rpc.Fault as fault:
            if "ALREADY_STARTED" not in fault.faultString:
                raise StackError(f"The supervisor could not start {program.name}: {fault.faultString}.") from fault

    def programs(self) -> dict[str, dict[str, Any]]:
        """What supervisord says of each program; empty when it does not run."""
        try:
            return {info["name"]: info for info in self._call("getAllProcessInfo")}
        except (OSError, rpc.Error):
            return {}

    def stop(self) -> None:
        """Ask supervisord to stop its programs, the last phase first, and then itself; wait until it is gone."""
        with suppress(OSError, rpc.Error, psutil.Error):
            supervisord = psutil.Process(self._call("getPID"))
            self._call("shutdown")
            supervisord.wait(STOP_SECONDS)
        self._socket.unlink(missing_ok=True)  # one that was killed leaves it
        if self._socket.parent != self._folder:
            with suppress(OSError):
                self._socket.parent.rmdir()

    @property
    def _socket(self) -> Path:
        path = self._folder / "supervisor.sock"
        if len(os.fsencode(path)) <= SOCKET_PATH_LIMIT:
            return path
        name = hashlib.sha256(os.fsencode(self._home)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"millrace-{os.getuid()}-{name}" / "supervisor.sock"

    def _call(self, method: str, *arguments: Any) -> Any:
        from supervisor.xmlrpc import SupervisorTransport

        transport = SupervisorTransport(serverurl=f"unix://{self._socket}")
        try:
            proxy = rpc.ServerProxy("http://127.0.0.1", transport=transport)
            return getattr(proxy.supervisor, method)(*arguments)
        finally:
            transport.close()

    def _configuration(self, programs: list[Program]) -> str:
        # supervisord runs in its own folder, so that no path of a home needs quoting here.
        near = self._socket.parent == self._folder
        sections = [
            _section("unix_http_server", {"file": self._socket.name if near else self._socket, "chmod": "0700"}),
            _section("supervisord", _SUPERVISORD),
            _section(
                "rpcinterface:supervisor",
                {"supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"},
            ),
            *(_section(f"program:{program.name}", _program_options(program)) for program in programs),
        ]
        for phase in sorted({program.phase for program in programs}):
            # The programs of a group stop at the same time, and the groups one after another.
            names = ",".join(program.name for program in programs if program.phase == phase)
            sections.append(_section(f"group:phase{int(phase)}", {"programs": names, "priority": int(phase)}))
        return "\n".join(sections)


_SUPERVISORD = {
    "nodaemon": "true",
    "silent": "true",
    "logfile": "../logs/supervisord.log",
    "logfile_maxbytes": "5MB",
    "logfile_backups": "2",
    "pidfile": "supervisord.pid",
}


def _program_options(program: Program) -> dict[str, Any]:
    return {
        "command": shlex.join((sys.executable, "-I", "-S", str(_LAUNCH), f"{program.name}.json")).replace("%", "%%"),
        "autostart": "false",
        "autorestart": "true",
        "startsecs": 2,
        "startretries": 30,
        "stopwaitsecs": program.stop_seconds,
        "stopasgroup": "true",
        "killasgroup": "true",
        "redirect_stderr": "true",
        "stdout_logfile": f"../logs/{program.name}.log",
        "stdout_logfile_maxbytes": "10MB",
        "stdout_logfile_backups": 2,
    }


def _launch_document(program: Program, environment: dict[str, str], directory: Path) -> str:
    document = {
        "argv": program.argv,
        "environment": environment | program.environment,
        "directory": str(directory),
    }
    return json.dumps(document, indent=1, sort_keys=True)


def _section(name: str, options: dict[str, Any]) -> str:
    return f"[{name}]\n" + "".join(f"{key} = {value}\n" for key, value in options.items())


def _write(path: Path, text: str) -> bool:
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    write_private(path, text)
    return True
