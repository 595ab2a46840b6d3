"""Finds, measures and ends the processes that belong to a stack.

They are known by a variable in their environment that names the stack's home, so that a process whose supervisor was
killed is still found, and no other is ever touched.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import psutil

MARKER = "MILLRACE_STACK"
GONE = (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess)


def marked_environment(home: Path, base: dict[str, str]) -> dict[str, str]:
    """The environment of every program of the stack of this home, made from `base`."""
    kept = {name: value for name, value in base.items() if not _is_foreign(name)}
    no_proxy = ",".join(filter(None, (kept.get("NO_PROXY") or kept.get("no_proxy"), "127.0.0.1,localhost")))
    # Without SPT_NOENV, programs that set their title overwrite the environment by which they are found.
    return kept | {MARKER: str(home), "SPT_NOENV": "1", "NO_PROXY": no_proxy, "no_proxy": no_proxy}


def _is_foreign(name: str) -> bool:
    # Compiled bytecode halves start times; Airflow and MLflow variables of the shell belong to other installations.
    return name == "PYTHONDONTWRITEBYTECODE" or name.startswith(("AIRFLOW_", "_AIRFLOW", "_MLFLOW"))


def processes_of(home: Path) -> list[psutil.Process]:
    """The living processes of the stack of this home, apart from this one and those that started it."""
    own = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    return [process for process in psutil.process_iter() if process.pid not in own and home_of(process) == str(home)]


def home_of(process: psutil.Process) -> str | None:
    """The home whose stack a process belongs to; None when it belongs to no stack, or is not ours to look at."""
    try:
        return process.environ().get(MARKER) if process.status() != psutil.STATUS_ZOMBIE else None
    except (*GONE, OSError):
        return None


def end(processes: Iterable[psutil.Process], grace: float) -> list[psutil.Process]:
    """Ask each to stop, kill what is left after `grace` seconds; returns what survived even that."""
    living = list(processes)
    for process in living:
        _signal(process, kill=False)
    _, living = psutil.wait_procs(living, timeout=grace)
    for process in living:
        _signal(process, kill=True)
    _, living = psutil.wait_procs(living, timeout=5)
    return living


def _signal(process: psutil.Process, *, kill: bool) -> None:
    with suppress(*GONE):
        if kill:
            process.kill()
        else:
            process.terminate()


def memory(pid: int) -> int:
    """Bytes that a process and its children hold, shared pages counted in proportion where the system tells."""
    try:
        root = psutil.Process(pid)
        return sum(_held(process) for process in (root, *root.children(recursive=True)))
    except GONE:
        return 0


def _held(process: psutil.Process) -> int:
    try:
        return int(getattr(process.memory_full_info(), "pss", 0)) or int(process.memory_info().rss)
    except GONE:
        return 0
