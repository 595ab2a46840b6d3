"""What is to be allocated: sources, objective and demand as arrays that have been checked.

It knows nothing of forecasts, tables or solvers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from millrace.allocation.base import EnergySource, Objective
from millrace.errors import AllocationError

Array = npt.NDArray[np.float64]
Times = npt.NDArray[np.datetime64]
ROUNDING = 1e-9


@dataclass(frozen=True)
class Problem:
    """Sources, objective, and for each of the rising `times` the demand in MW. Raises AllocationError when made.

    `available` has for some sources the share of the capacity that is there at each time; `before` the output in MW
    one step before the first time, from which ramps count. Steps that are no neighbours in time have no ramp between.
    """

    sources: list[EnergySource]
    objective: Objective
    times: Times
    demand: Array
    available: Mapping[str, Array] = field(default_factory=dict)
    before: Mapping[str, float] | None = None
    step_hours: float = 1.0

    def __post_init__(self) -> None:
        names = [source.name for source in self.sources]
        if not names or len(set(names)) < len(names):
            raise AllocationError(f"The sources {names} must be one or more, each of another name.")
        if unknown := sorted((set(self.available) | set(self.before or {})) - set(names)):
            raise AllocationError(f"'{unknown[0]}' is no source.", hint=f"The sources are {', '.join(names)}.")
        if not len(self.times) or (np.diff(self.times.astype("datetime64[ns]").astype("int64")) <= 0).any():
            raise AllocationError("The times of the demand must be one or more, and rise.")
        self._check("demand", self.demand, np.inf)
        for name, shares in self.available.items():
            self._check(f"availability of {name}", shares, 1.0)
        self._check_least()

    @property
    def shape(self) -> tuple[int, int]:
        """Times and sources."""
        return len(self.times), len(self.sources)

    def most(self) -> Array:
        """The largest output of each source at each time, in MW."""
        whole = np.ones(len(self.times))
        return np.column_stack([source.capacity * self.available.get(source.name, whole) for source in self.sources])

    def least(self) -> Array:
        """The least output of each source at each time, in MW."""
        return np.minimum([source.min_output for source in self.sources], self.most())

    def rates(self, of: Literal["cost", "co2"]) -> Array:
        """Cost, or kg of CO2, of a MWh of each source."""
        return np.array([getattr(source, of) for source in self.sources], dtype="float64")

    def neighbours(self) -> npt.NDArray[np.int64]:
        """The positions whose time is one step after the time before them."""
        gaps = np.diff(self.times.astype("datetime64[s]").astype("int64"))
        return np.flatnonzero(gaps == round(self.step_hours * 3600)) + 1

    def _check(self, what: str, values: Any, top: float) -> None:
        if np.shape(values) != (len(self.times),):
            raise AllocationError(f"The {what} has {np.size(values)} values for {len(self.times)} times.")
        wrong = ~np.isfinite(values) | (values < 0) | (values > top)
        if wrong.any():
            first = int(wrong.argmax())
            allowed = "a share between 0 and 1" if top == 1.0 else "a number of MW, 0 or more"
            raise AllocationError(
                f"The {what} is {values[first]} at {moment(self.times[first])}; it must be {allowed}.",
                details={"time": moment(self.times[first]), "values": int(wrong.sum())},
            )

    def _check_least(self) -> None:
        below = self.most() < np.array([source.min_output for source in self.sources]) * (1 - ROUNDING)
        if below.any():
            row, column = map(int, np.argwhere(below)[0])
            source, most = self.sources[column], self.most()[row, column]
            raise AllocationError(
                f"{source.name} must run at {source.min_output:g} MW (min_output), but {most:g} MW are there at "
                f"{moment(self.times[row])}, {source.min_output - most:g} MW less.",
                hint="Lower its min_output, or mend its availability.",
                details={
                    "conflicts": [{"time": moment(self.times[row]), "limit": "min_output", "source": source.name}]
                },
            )


def moment(time: np.datetime64) -> str:
    """A time as a person writes it."""
    return f"{str(time.astype('datetime64[m]')).replace('T', ' ')} UTC"
