"""Folders for a while: each lasts as long as its owner wants it, and no longer than its owner lives.

The owner holds a lock on the folder, which ends with the process however that ends; what nobody holds, the next process
sweeps up. It knows nothing of what is in them.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from pathlib import Path

_PREFIX = ".scratch-"
_SETTLED_SECONDS = 60.0
"""A younger folder may be one whose owner has not locked it yet."""


class Scratch:
    """One such folder, beneath `parent`: on the disk of what it may be moved to."""

    def __init__(self, parent: Path) -> None:
        parent.mkdir(parents=True, exist_ok=True)
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        self._held = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(self._held, fcntl.LOCK_EX)

    def remove(self) -> None:
        """Remove the folder, if it is still there, and let go of it; a second call does nothing."""
        held, self._held = self._held, -1
        if held >= 0:
            shutil.rmtree(self.path, ignore_errors=True)
            os.close(held)


def sweep(root: Path) -> None:
    """Remove the folders beneath `root`, two deep at most, that a killed process left."""
    for folder in (*root.glob(f"{_PREFIX}*"), *root.glob(f"*/{_PREFIX}*")):
        try:
            if time.time() - folder.stat().st_mtime > _SETTLED_SECONDS:
                _remove_unheld(folder)
        except OSError:  # another process was quicker, or holds it
            continue


def _remove_unheld(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(descriptor)
