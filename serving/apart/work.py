"""What runs in a process apart: a thread for each lane, which does what it is sent until nobody sends any more.

Nothing heavy is imported here: the process first bounds the threads that numerical libraries will start.
"""

from __future__ import annotations

import os
import pickle
import signal
import threading
import traceback
from collections.abc import Callable, Sequence
from multiprocessing import parent_process
from multiprocessing.connection import Connection
from typing import Any

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""One each, where the environment says nothing else: the lanes are the threads of this process."""


def serve(lanes: Sequence[Connection], niceness: int) -> None:
    """Work until the process that started this one ends, however it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's, which the other process gets too
    for variable in THREADS:
        os.environ.setdefault(variable, "1")
    os.nice(niceness)
    for lane in lanes:
        threading.Thread(target=_work, args=(lane,), daemon=True).start()
    parent = parent_process()
    if parent is not None:
        parent.join()
    os._exit(0)  # at once, whatever is being computed: nobody waits for it


def _work(lane: Connection) -> None:
    while True:
        try:
            content = lane.recv_bytes()
        except (EOFError, OSError):
            os._exit(0)
        lane.send_bytes(_done(content))


def _done(content: bytes) -> bytes:
    """The answer to one message: what the work gave, or the error."""
    try:
        work: Callable[..., Any]
        work, arguments = pickle.loads(content)  # noqa: S301 - from the process that started this one
        return pickle.dumps((work(*arguments), None), pickle.HIGHEST_PROTOCOL)
    except Exception as error:
        return pickle.dumps((None, _portable(error)))


def _portable(error: Exception) -> Exception:
    """The error as the other process can read it, with its trace as a note for the log."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - just made
    except Exception:
        error = RuntimeError(f"{type(error).__name__}: {error}")
    error.add_note(traceback.format_exc())
    return error
