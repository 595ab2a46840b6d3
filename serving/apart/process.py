"""A process beside this one, as this one sees it: started when it is first needed, replaced when it has died.

Each lane is a pipe to a thread of the process, so as many pieces of work run at a time as there are lanes. A thread
that asks waits without the interpreter's lock. A process that dies tells it by the end of its pipes, and ends by itself
when this one does, however that happens. It knows nothing of models.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from queue import SimpleQueue
from typing import Any

from serving.apart.work import serve
from serving.failures import ProcessDiedError

log = logging.getLogger(__name__)


class _Running:
    """One life of the process."""

    def __init__(self, name: str, lanes: int, niceness: int) -> None:
        context = multiprocessing.get_context("spawn")  # a fork would take along locks that other threads hold
        pairs = [context.Pipe() for _ in range(lanes)]
        theirs = [far for _, far in pairs]
        self.process: BaseProcess = context.Process(target=serve, args=(theirs, niceness), name=name, daemon=True)
        self.process.start()
        self.lanes: SimpleQueue[Connection] = SimpleQueue()
        for near, far in pairs:
            far.close()  # else its end would not be told
            self.lanes.put(near)


class Apart:
    """The process for one kind of work. `run` is for any thread but the event loop's."""

    def __init__(self, name: str, lanes: int, niceness: int = 0) -> None:
        self._name, self._lanes, self._niceness = name, lanes, niceness
        self._lock = threading.Lock()
        self._running: _Running | None = None
        self._closed = False
        self.deaths = 0
        """How often it ended before its time."""

    @property
    def pid(self) -> int | None:
        """The process; None where none runs."""
        running = self._running
        return running.process.pid if running is not None else None

    def run(self, work: Callable[..., Any], *arguments: Any, seconds: float | None = None) -> Any:
        """What `work` gives there; raises what it raises.

        Raises ProcessDiedError when the process dies meanwhile, and TimeoutError when it takes longer than `seconds`;
        then the process is ended, since nothing else stops what it computes.
        """
        running = self._started()
        lane = running.lanes.get()
        try:
            lane.send((work, arguments))
            if seconds is not None and not lane.poll(seconds):
                self._end(running)
                raise TimeoutError
            found, error = lane.recv()
        except (EOFError, ConnectionError):
            self._note_death(running)
            raise ProcessDiedError(f"The process of {self._name} died.", hint="Try again in a few seconds.") from None
        finally:
            running.lanes.put(lane)  # also a dead one: whoever waits for it must learn that
        if error is not None:
            raise error
        return found

    def tell(self, work: Callable[..., Any], *arguments: Any) -> None:
        """Let the process do `work` if there is one; waits for nothing."""
        if self._running is None:
            return

        def quietly() -> None:
            with contextlib.suppress(Exception):
                self.run(work, *arguments)

        with contextlib.suppress(RuntimeError):  # the interpreter is ending
            threading.Thread(target=quietly, name=f"tell {self._name}", daemon=True).start()

    def kill(self) -> None:
        """End the process; the next work starts another."""
        running = self._running
        if running is not None:
            self._end(running)

    def close(self) -> None:
        """End the process for good; whoever waits for it gets ProcessDiedError."""
        self._closed = True
        self.kill()

    def _started(self) -> _Running:
        with self._lock:
            if self._closed:
                raise ProcessDiedError(f"The process of {self._name} is ended.", hint="The service is stopping.")
            if self._running is None:
                self._running = _Running(self._name, self._lanes, self._niceness)
            return self._running

    def _note_death(self, running: _Running) -> None:
        if self._end(running):
            self.deaths += 1
            log.error("the process of %s died (exit code %s)", self._name, running.process.exitcode)

    def _end(self, running: _Running) -> bool:
        """End this life; False where another thread has done it already."""
        with self._lock:
            if self._running is not running:
                return False
            self._running = None
        running.process.kill()
        running.process.join()
        return True
