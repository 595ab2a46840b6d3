"""The series of a table on one regular grid of wall-clock times: what every forecaster learns from and is asked on.

A panel is plain arrays. It says what is known before a step, so that no forecaster needs to look further.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pandas as pd

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Panel:
    """Values of several series on one grid.

    `values` is series x steps, NaN where nothing is known; `regressors` is series x steps x columns. Steps from `end`
    on are the future: no series has a value there. `origin_step` is the step of the day at which forecasts begin.
    """

    series: list[str]
    times: pd.DatetimeIndex
    values: Array
    regressors: Array
    holidays: Array
    end: int
    season: int
    day_steps: int | None = None
    origin_step: int = 0

    def until(self, step: int) -> Panel:
        """The panel as it was known before `step`: later values are gone, what is known ahead stays."""
        values = self.values.copy()
        values[:, step:] = np.nan
        return replace(self, values=values, end=min(self.end, step))

    def only(self, names: list[str]) -> Panel:
        """The panel of these series; a series that it does not have is left out."""
        if names == self.series:
            return self
        places = [place for place, name in enumerate(self.series) if name in set(names)]
        kept = [self.series[place] for place in places]
        return replace(self, series=kept, values=self.values[places], regressors=self.regressors[places])

    @cached_property
    def filled(self) -> Array:
        """The values with each missing one replaced by that of a season before, else by the last known one.

        A filled value depends on earlier values only. Steps before a series' first value stay missing.
        """
        filled = self.values.copy()
        for step in np.flatnonzero(np.isnan(filled[:, : self.end]).any(axis=0)):
            if step >= self.season:
                missing = np.isnan(filled[:, step])
                filled[missing, step] = filled[missing, step - self.season]
        return _carried(filled, self.end)

    def truth(self, origins: Array, horizon: int, until: int | None = None) -> Array:
        """The values from each origin on (origins x series x horizon), NaN from `until` on."""
        until = self.end if until is None else until
        steps = origins[:, None] + np.arange(horizon)[None, :]
        inside = steps < min(until, len(self.times))
        found = self.values[:, np.minimum(steps, len(self.times) - 1)].transpose(1, 0, 2).copy()
        found[np.broadcast_to(~inside[:, None, :], found.shape)] = np.nan
        return found

    def begun(self, origins: Array) -> Array:
        """Whether each series has a known value before each origin (origins x series)."""
        known = ~np.isnan(self.values)
        first = np.where(known.any(axis=1), known.argmax(axis=1), len(self.times))
        return np.asarray(first[None, :] < origins[:, None])

    def scales(self, until: int) -> Array:
        """Each series' mean change over a season before `until`: what a mean absolute scaled error is scaled by."""
        known = self.values[:, :until]
        season = self.season if until > self.season else 1
        with np.errstate(invalid="ignore"):
            changes = np.abs(known[:, season:] - known[:, :-season])
        counts = np.isfinite(changes).sum(axis=1)
        sums = np.nansum(changes, axis=1)
        return np.where((counts > 0) & (sums > 0), sums / np.maximum(counts, 1), np.nan)

    def nanoseconds(self, steps: Array) -> Array:
        """The wall-clock times of these steps as integers, which outlive the grid."""
        return self.times.to_numpy().astype("datetime64[ns]").astype("int64")[steps]

    def steps_at(self, nanoseconds: Array) -> Array:
        """The steps at these times; -1 for a time that is not on the grid."""
        own = self.times.to_numpy().astype("datetime64[ns]").astype("int64")
        places = np.searchsorted(own, nanoseconds).clip(max=len(own) - 1)
        return np.where(own[places] == nanoseconds, places, -1)


def _carried(values: Array, end: int) -> Array:
    """Missing values before `end` replaced by the last known one before them."""
    known = ~np.isnan(values)
    known[:, end:] = False
    last = np.maximum.accumulate(np.where(known, np.arange(values.shape[1]), -1), axis=1)
    carried = np.take_along_axis(values, np.maximum(last, 0), axis=1)
    replaced = ~known & (last >= 0)
    replaced[:, end:] = False
    return np.where(replaced, carried, values)
