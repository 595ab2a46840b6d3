"""Secrets that are made when they are first needed and kept in files of mode 600. Nothing here logs one."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path


def made_once(path: Path, make: Callable[[], str]) -> str:
    """The secret in the file; it is made when the file is absent. Several processes at once agree on one."""
    if not path.exists():
        _keep_first(path, make())
    return path.read_text("utf-8").strip()


def replace_secret(path: Path, text: str) -> None:
    """Put another text into the file in one step: a reader sees the old one or the new one."""
    temporary = _written(path, text)
    try:
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _keep_first(path: Path, text: str) -> None:
    temporary = _written(path, text)
    try:
        os.link(temporary, path)  # fails where another process was first: its secret is the one
    except FileExistsError:
        pass
    finally:
        temporary.unlink(missing_ok=True)


def _written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 600
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return Path(temporary)
