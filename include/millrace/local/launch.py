"""Becomes a program of the stack: `python launch.py <file>`, a JSON file with `argv`, `environment` and `directory`.

supervisord's own configuration knows no safe way to quote every path and value; JSON does. A program that was killed
may leave children that hold its port: they are ended first. This file imports nothing beyond the standard library,
because it runs before each program.
"""

import json
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

GRACE_SECONDS = 3.0
MARKER = b"MILLRACE_STACK="


def main() -> None:
    """Replace this process by the program."""
    document = Path(sys.argv[1])
    program = json.loads(document.read_text(encoding="utf-8"))
    pid_file = document.with_suffix(".pid").resolve()
    end_what_was_left(pid_file)
    pid_file.write_text(str(os.getpid()))
    os.chdir(program["directory"])
    os.execve(program["argv"][0], program["argv"], {**os.environ, **program["environment"]})  # noqa: S606 - our own file


def end_what_was_left(pid_file: Path) -> None:
    """End the process group of the program's last life, if some of it still lives and is of this stack."""
    with suppress(OSError, ValueError):
        group = int(pid_file.read_text())
        for number, seconds in ((signal.SIGTERM, GRACE_SECONDS), (signal.SIGKILL, 1.0)):
            deadline = time.monotonic() + seconds
            if not is_ours(group):
                return
            os.killpg(group, number)
            while is_ours(group) and time.monotonic() < deadline:
                time.sleep(0.05)


def is_ours(group: int) -> bool:
    """Whether a living process of that group carries this stack's mark: a number alone may have been given anew."""
    mark = MARKER + os.environb.get(MARKER[:-1], b"")
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if os.getpgid(int(folder.name)) == group and mark in (folder / "environ").read_bytes().split(b"\0"):
                return True
    return False


if __name__ == "__main__":
    main()
