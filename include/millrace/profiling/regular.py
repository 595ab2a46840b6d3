"""Whether a table is one regular series or several: which columns name a series, on which grid of times they lie.

A table that has anything else to predict from is left to a regression; only whoever asks for a forecast gets one then.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

from millrace.forecasting.grid import anchored
from millrace.profiling.columns import Column
from millrace.profiling.series import DAY, MINUTE
from millrace.profiling.timestamps import Clock

if TYPE_CHECKING:
    import pandas as pd

MOST_KEYS, MOST_KEY_COLUMNS = 3, 6
MOST_DOUBLED = 0.01
"""Share of rows that may repeat a series and time, as the hours do that autumn doubles."""
MOST_MISSING = 0.2
"""Share of steps between a series' ends that may have no row."""
LEAST_STEPS, MOST_STEPS = 24, 10
"""Steps of the grid at least, and at most for each row: a grid of seconds over years is none."""
LONG_STEPS = {1: "D", 7: "W", **dict.fromkeys(range(28, 32), "MS"), **dict.fromkeys(range(89, 93), "QS")}
LONG_STEPS |= {365: "YS", 366: "YS"}
"""Days between most neighbours to the frequency that they may have."""
WHAT_IS_WANTED = (
    "A forecast needs a time column whose values lie on one grid (5min to a year) for each series, with few of them "
    "missing or doubled, and categories that tell the series apart."
)


@dataclass(frozen=True)
class Regular:
    """The series of a table: their key columns (none: one series), frequency, steps from end to end, and flaws."""

    clock: Clock
    keys: tuple[str, ...]
    frequency: str
    series: int
    steps: int
    doubled: int
    missing: int
    longest_gap: int


def find_regular(frame: pd.DataFrame, columns: list[Column], times: list[Clock], target: str) -> Regular | None:
    """The table's series with the fewest keys; None where it has none."""
    named = [c.name for c in columns if c.kind == "category" and c.name != target][:MOST_KEY_COLUMNS]
    for clock in times:
        if clock.values.isna().any() or frame[named].isna().any().any():
            continue
        for keys in _sets_of(named):
            found = _on_grid(frame, keys, clock)
            if found is not None:
                return found
    return None


def _sets_of(named: list[str]) -> Iterator[tuple[str, ...]]:
    for count in range(min(MOST_KEYS, len(named)) + 1):
        yield from combinations(named, count)


def _on_grid(frame: pd.DataFrame, keys: tuple[str, ...], clock: Clock) -> Regular | None:
    import pandas as pd

    rows = frame[list(keys)].astype(str).assign(at=clock.values.dt.tz_localize(None))
    single = rows.drop_duplicates()
    if len(rows) - len(single) > MOST_DOUBLED * len(rows):
        return None
    lines = (
        [line["at"].sort_values() for _, line in single.groupby(list(keys))] if keys else [single["at"].sort_values()]
    )
    frequency = _frequency(pd.concat([line.diff().dropna() for line in lines]), single["at"])
    if frequency is None:
        return None
    first, last = single["at"].min(), single["at"].max()
    grid = pd.date_range(first, last, freq=anchored(frequency, first))
    places = [grid.get_indexer(pd.DatetimeIndex(line)) for line in lines]
    gaps = [int(step) - 1 for place in places for step in place[1:] - place[:-1] if step > 1]
    if not _is_regular(places, gaps, len(single)) or len(grid) < LEAST_STEPS:
        return None
    doubled = len(rows) - len(single)
    return Regular(clock, keys, frequency, len(lines), len(grid), doubled, sum(gaps), max(gaps, default=0))


def _is_regular(places: list[Any], gaps: list[int], rows: int) -> bool:
    return all((place >= 0).all() for place in places) and sum(gaps) <= MOST_MISSING * rows


def _frequency(gaps: pd.Series, times: pd.Series) -> str | None:
    """The frequency of the usual gap, as `forecast.frequency` writes it, where all times can lie on its grid."""
    usual = int(gaps.dt.total_seconds().mode().iloc[0]) if len(gaps) else 0
    if 0 < usual < DAY:
        sparse = (times.max() - times.min()).total_seconds() / usual > MOST_STEPS * len(times)
        whole = usual % MINUTE == 0 and DAY % usual == 0 and not sparse
        fitting = bool(((times - times.dt.normalize()).dt.total_seconds() % usual == 0).all())
        return _within_day(usual // MINUTE) if whole and fitting else None
    return None if (times != times.dt.normalize()).any() else LONG_STEPS.get(usual // DAY)


def _within_day(minutes: int) -> str:
    hours, rest = divmod(minutes, 60)
    return f"{minutes}min" if rest else f"{hours if hours > 1 else ''}h"
