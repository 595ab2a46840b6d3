"""How a series is spaced in time, and how far back its own past is worth looking."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

MINUTE, HOUR, DAY = 60, 3_600, 86_400
PERIODS: dict[int, tuple[str, tuple[int, ...], str]] = {
    5 * MINUTE: ("5min", (288, 576, 2016), "one day, two days and a week ago"),
    10 * MINUTE: ("10min", (144, 288, 1008), "one day, two days and a week ago"),
    15 * MINUTE: ("15min", (96, 192, 672), "one day, two days and a week ago"),
    30 * MINUTE: ("30min", (48, 96, 336), "one day, two days and a week ago"),
    HOUR: ("1h", (24, 48, 168), "one day, two days and a week ago"),
    DAY: ("1D", (1, 7, 28), "one day, a week and four weeks ago"),
    7 * DAY: ("7D", (1, 4, 52), "one week, four weeks and a year ago"),
}
"""Spacing in seconds to its name, the lags that carry most, and what they are."""


@dataclass(frozen=True)
class Spacing:
    """A regular series: `every` is None where the rows have no common grid, and lags then count rows."""

    every: str | None
    lags: tuple[int, ...]
    words: str


def spacing_of(times: pd.Series, rows: int) -> Spacing:
    """The spacing that most neighbouring times have, with lags that leave most of the table usable."""
    ordered = times.drop_duplicates().sort_values()
    steps = ordered.diff().dropna().dt.total_seconds()
    usual = int(steps.mode().iloc[0]) if len(steps) else 0
    every, lags, words = PERIODS.get(usual, (None, (1, 2, 7), "one, two and seven rows ago"))
    on_grid = bool(usual) and bool(((ordered - ordered.iloc[0]).dt.total_seconds() % usual == 0).all())
    kept = tuple(lag for lag in lags if lag < rows / 4) or (1,)
    if kept != lags:
        words = f"{', '.join(map(str, kept))} rows ago"
    return Spacing(every if on_grid else None, kept, words)
