"""Fits side by side: processes with one thread each, or this process alone where a table is soon done.

Threads within a fit wait for each other, and Python's lock holds them up between; whole fits in processes of their own
leave no core idle. The rows are written to disk once, and all processes map the same pages.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from millrace.estimators.threads import VARIABLE, training_threads

ONE_THREAD = {VARIABLE: "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class Workers(Protocol):
    """Somewhere to fit: calls the methods of a workbench, whichever it is."""

    size: int

    def submit(self, method: str, *arguments: Any) -> Future[Any]:
        """Call a method of the workbench."""

    def stop(self) -> None:
        """Give up whatever still runs."""


class Here:
    """This process, one fit at a time."""

    size = 1

    def __init__(self, bench: object) -> None:
        self._bench = bench

    def submit(self, method: str, *arguments: Any) -> Future[Any]:
        """Fit at once; what it raises stands in the future."""
        future: Future[Any] = Future()
        try:
            future.set_result(getattr(self._bench, method)(*arguments))
        except Exception as error:  # as any executor does
            future.set_exception(error)
        return future

    def stop(self) -> None:
        """Nothing runs between two calls."""


class Processes:
    """One process for each core that training may use."""

    def __init__(self, folder: Path, bench: object, size: int) -> None:
        import joblib

        self.size = size
        self._path = str(folder / "workbench")
        joblib.dump(bench, self._path)

    def submit(self, method: str, *arguments: Any) -> Future[Any]:
        """Queue a fit."""
        future: Future[Any] = self._executor().submit(_call, self._path, method, arguments)
        return future

    def stop(self) -> None:
        """End the processes with what they do; the next fit starts new ones."""
        self._executor().shutdown(wait=True, kill_workers=True)

    def end(self) -> None:
        """End the processes, unless others of `lasting` follow."""
        if not _lasting:
            self.stop()

    def _executor(self) -> Any:
        # loky, the executor beneath joblib and scikit-learn: it starts fresh interpreters, so that no lock and no
        # OpenMP thread of this process is forked, and it notices a worker that dies.
        from joblib.externals.loky import get_reusable_executor

        return get_reusable_executor(max_workers=self.size, timeout=60, env={**ONE_THREAD})


@contextmanager
def workers(bench: object, *, side_by_side: bool) -> Iterator[Workers]:
    """Somewhere to fit, for the time of a search."""
    size = training_threads() if side_by_side else 1
    if size == 1:
        yield Here(bench)
        return
    folder = Path(tempfile.mkdtemp(prefix="millrace-search-"))
    try:
        processes = Processes(folder, bench, size)
        try:
            yield processes
        finally:
            processes.end()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def lasting() -> Iterator[None]:
    """Within it, processes stay for the next search; else they end with theirs.

    A scheduler's task must leave none behind: it would wait for whoever holds its output.
    """
    _lasting.append(True)
    try:
        yield
    finally:
        _lasting.pop()
        if not _lasting and "joblib.externals.loky" in sys.modules:
            _stop_idle()


def _stop_idle() -> None:
    from joblib.externals.loky import reusable_executor

    executor = reusable_executor._executor
    if executor is not None:
        executor.shutdown(wait=True, kill_workers=True)


_lasting: list[bool] = []

_opened: dict[str, object] = {}


def _call(path: str, method: str, arguments: tuple[Any, ...]) -> Any:
    """In a worker: the workbench is read once and kept until another search begins."""
    if path not in _opened:
        import joblib

        _opened.clear()
        _opened[path] = joblib.load(path, mmap_mode="r")
    call: Callable[..., Any] = getattr(_opened[path], method)
    return call(*arguments)
