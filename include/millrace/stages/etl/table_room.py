"""Says how much of a table a transform step may have as a whole: by the spec's `memory`, and by the memory there is.

It refuses before the machine begins to swap; which steps need the whole table belongs to `millrace.transforms`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from millrace.errors import TransformError
from millrace.settings import get_settings
from millrace.spec.memory import Memory
from millrace.stages.material.row_limit import sample_of
from millrace.transforms.base import TransformStep

if TYPE_CHECKING:
    from millrace.transforms.flow import Kept, Room

WORKING = 4
"""What a step takes, in sizes of its table as Arrow: the frame, up to twice as large, and a copy of it."""
MIB = 2**20
_GROUP = Path("/sys/fs/cgroup")


def room_for(memory: Memory, warn: Callable[[str], None]) -> Room:
    """The rule of this spec on this machine. It raises TransformError."""

    def room(step: TransformStep, rows: int, size: int) -> Kept:
        limit = memory.max_rows or rows
        if rows > limit and memory.beyond == "fail":
            raise _too_many(step, rows, limit)
        _refuse_beyond_memory(step, min(rows, limit), size * min(1, limit / max(rows, 1)))
        if rows <= limit:
            return None
        warn(
            f"The table has {rows:,} rows before the step '{step.step}', which needs all of them; a seeded sample of "
            f"{limit:,} goes on (memory.beyond: sample)."
        )
        return sample_of(rows, limit, memory.seed)

    return room


def free_memory() -> int:
    """Bytes that this process may still take: of the machine, or of the container that it runs in."""
    import psutil

    return min(int(psutil.virtual_memory().available), _left_in_group(_GROUP))


def _left_in_group(folder: Path) -> int:
    """What the control group leaves, its files in the page cache counted as free."""
    try:
        limit = int((folder / "memory.max").read_text())
        lines = [line.split() for line in (folder / "memory.stat").read_text().splitlines()]
        cached = next(int(value) for name, value in lines if name == "inactive_file")
        return limit - int((folder / "memory.current").read_text()) + cached
    except (OSError, ValueError, StopIteration):  # no group, or one without a limit ("max")
        return 2**63


def _refuse_beyond_memory(step: TransformStep, rows: int, size: float) -> None:
    declared = get_settings().table_memory_mb
    free, found = (free_memory(), "free") if declared is None else (declared * MIB, "allowed (TABLE_MEMORY_MB)")
    if size * WORKING <= free:
        return
    raise TransformError(
        f"Transform step '{step.step}' needs the whole table, here {rows:,} rows, which takes about "
        f"{size * WORKING / MIB:,.0f} MiB; {free / MIB:,.0f} MiB are {found}.",
        hint="Put steps that leave fewer rows or columns before it, declare memory: {max_rows: N, beyond: sample}, or "
        "give it more memory.",
    )


def _too_many(step: TransformStep, rows: int, limit: int) -> TransformError:
    return TransformError(
        f"Transform step '{step.step}' needs the whole table, and it has {rows:,} rows, more than the {limit:,} of "
        "memory.max_rows.",
        hint="Write memory: {beyond: sample}, another max_rows, or steps before it that leave fewer rows.",
    )
