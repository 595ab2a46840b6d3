"""What the commands print: results on standard output, everything else on standard error.

Nothing here knows what the results are.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from typing import Any, TextIO


def note(text: str) -> None:
    """Say something to the person who watches: a line on standard error."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def print_json(document: Any, out: TextIO | None = None) -> None:
    """Print one JSON value; indented, because people read it too."""
    target = out or sys.stdout
    target.write(json.dumps(document, indent=2, ensure_ascii=False, default=str) + "\n")
    target.flush()


def print_text(text: str, out: TextIO | None = None) -> None:
    """Print a result for people."""
    target = out or sys.stdout
    target.write(f"{text}\n")
    target.flush()


def as_columns(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Rows under a header, each column as wide as its widest value; None is shown as '-'."""
    cells = [[str(name) for name in header], *[["-" if cell is None else str(cell) for cell in row] for row in rows]]
    widths = [max(len(line[index]) for line in cells) for index in range(len(header))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells]
    return "\n".join(lines)


@contextmanager
def results_only_on_stdout() -> Iterator[TextIO]:
    """Within it, all that is printed goes to standard error; the yielded file is the real standard output.

    Libraries print from Python, from C and from child processes, so the file descriptor itself is turned round.
    """
    sys.stdout.flush()
    saved = os.dup(1) if _is_descriptor_one(sys.stdout) else None
    out = sys.stdout if saved is None else os.fdopen(saved, "w", encoding="utf-8")
    if saved is not None:
        os.dup2(2, 1)
    try:
        with redirect_stdout(sys.stderr):
            yield out
    finally:
        out.flush()
        if saved is not None:
            os.dup2(saved, 1)
            out.close()


def _is_descriptor_one(file: TextIO) -> bool:
    try:
        return file.fileno() == 1
    except (OSError, ValueError, AttributeError):
        return False
