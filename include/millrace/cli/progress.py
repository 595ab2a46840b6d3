"""Shows a run's stages while they go: a live table on a terminal, plain lines elsewhere. Standard error only."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

from millrace.cli.output import note

if TYPE_CHECKING:
    from rich.live import Live
    from rich.table import Table

SIGNS = {"success": "[green]✓[/]", "failed": "[red]✗[/]", "killed": "[red]✗[/]", "queued": "[dim]·[/]"}


class StageProgress(Protocol):
    """What follows a run; called whenever a stage's status may have changed."""

    def __call__(self, stage: str, status: str, seconds: float) -> None:
        """The stage now has this status, after this many seconds."""

    def __enter__(self) -> StageProgress:
        """Begin to show."""

    def __exit__(self, *exception: Any) -> None:
        """Leave the last state on the screen."""


def stage_progress() -> StageProgress:
    """The progress that fits standard error."""
    return LiveStages() if sys.stderr.isatty() else StageLines()


class StageLines:
    """One line whenever a stage's status changes."""

    def __init__(self) -> None:
        self._shown: dict[str, str] = {}

    def __call__(self, stage: str, status: str, seconds: float) -> None:
        """Print the change, if it is one."""
        if self._shown.get(stage) == status:
            return
        self._shown[stage] = status
        took = "" if status in {"running", "queued"} else f"  {seconds:.2f} s"
        note(f"{stage:<28} {status}{took}")

    def __enter__(self) -> StageLines:
        return self

    def __exit__(self, *exception: object) -> None:
        return None


class LiveStages:
    """A table of the stages, redrawn in place."""

    def __init__(self) -> None:
        self._stages: dict[str, tuple[str, float, float]] = {}
        self._live: Live | None = None

    def __call__(self, stage: str, status: str, seconds: float) -> None:
        """Keep the stage's status; the next redraw shows it."""
        known = self._stages.get(stage)
        since = known[2] if known and known[0] == status else time.monotonic() - seconds
        self._stages[stage] = (status, seconds, since)

    def _table(self) -> Table:
        from rich.spinner import Spinner
        from rich.table import Table
        from rich.text import Text

        table = Table.grid(padding=(0, 2))
        for stage, (status, seconds, since) in self._stages.items():
            running = status == "running"
            sign = Spinner("dots", style="cyan") if running else Text.from_markup(SIGNS.get(status, "·"))
            took = time.monotonic() - since if running else seconds
            table.add_row(sign, stage, status, f"{took:.1f} s" if status != "queued" else "")
        return table

    def __enter__(self) -> LiveStages:
        from rich.console import Console
        from rich.live import Live

        self._live = Live(
            get_renderable=self._table,
            console=Console(stderr=True),
            refresh_per_second=8,
            redirect_stdout=False,
            redirect_stderr=True,
        )
        self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.__exit__(kind, error, trace)
