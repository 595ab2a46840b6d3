"""The calendar step: hour, weekday and their like from a time, as numbers or as points on a circle."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from pydantic import Field

from millrace.errors import TransformError
from millrace.features.base import Columns, FeatureStep

if TYPE_CHECKING:
    import numpy as np

Part: TypeAlias = Literal[
    "minute", "hour", "quarter_hour", "dayofweek", "day", "dayofyear", "month", "quarter", "year", "is_weekend"
]

PERIODS: dict[str, int] = {
    "minute": 60, "hour": 24, "quarter_hour": 96, "dayofweek": 7, "day": 31, "dayofyear": 366, "month": 12, "quarter": 4
}  # fmt: skip
"""How many values a part goes through before it starts again; a part that is absent here has no circle."""


class Calendar(FeatureStep):
    """Parts of a time (in UTC): `<column>_<part>`; with `cyclic`, a sine and a cosine for each part that comes round.

    `quarter_hour` is the slot of the day, 0 to 95. Monday is day 0. A missing time gives missing parts.
    """

    step: Literal["calendar"]
    column: str = Field(description="Column with times, or with ISO 8601 texts.")
    parts: list[Part] = Field(default=["hour", "dayofweek", "month"], min_length=1, description="What to take from it.")
    cyclic: bool = Field(default=False, description="Sine and cosine in place of the number.")

    @property
    def inputs(self) -> tuple[str, ...]:
        """The time column."""
        return (self.column,)

    @property
    def outputs(self) -> tuple[str, ...]:
        """One column for each part; two where it is cyclic."""
        return tuple(name for part in self.parts for name in self._names(part))

    def _names(self, part: str) -> tuple[str, ...]:
        name = f"{self.column}_{part}"
        return (f"{name}_sin", f"{name}_cos") if self.cyclic and part in PERIODS else (name,)

    def apply(self, columns: Columns) -> dict[str, np.ndarray]:
        """The parts as float64, NaN where the time is missing."""
        import numpy as np

        times = self._times(columns[self.column])
        missing = np.isnat(times)
        made: dict[str, np.ndarray] = {}
        for part in self.parts:
            values = np.where(missing, np.nan, _PARTS[part](times).astype("float64"))
            names = self._names(part)
            if len(names) == 1:
                made[names[0]] = values
            else:
                angle = values * (2 * np.pi / PERIODS[part])
                made[names[0]], made[names[1]] = np.sin(angle), np.cos(angle)
        return made

    def _times(self, values: Any) -> np.ndarray:
        from millrace.features.columns import as_kind

        if values.dtype.kind == "f":
            raise TransformError(
                f"Feature step 'calendar' reads the column '{self.column}', which holds numbers and no times.",
                hint="Name a time column, or make one with source.timestamp.",
            )
        return as_kind(self.column, values, "time")


def _days(times: np.ndarray) -> np.ndarray:
    return times.astype("datetime64[D]")


def _months(times: np.ndarray) -> np.ndarray:
    return times.astype("datetime64[M]")


def _minutes(times: np.ndarray) -> Any:
    """Minutes since midnight."""
    return (times.astype("datetime64[m]") - _days(times)).astype("int64")


def _weekday(times: np.ndarray) -> Any:
    return (_days(times).astype("int64") + 3) % 7  # 1970-01-01 was a Thursday


def _since(times: np.ndarray, start: np.ndarray) -> Any:
    return (_days(times) - start.astype("datetime64[D]")).astype("int64") + 1


# Plain integer arithmetic is exact and needs no pandas for one row; each part reckons only what it needs.
_PARTS: dict[str, Callable[[Any], Any]] = {
    "minute": lambda times: _minutes(times) % 60,
    "hour": lambda times: _minutes(times) // 60,
    "quarter_hour": lambda times: _minutes(times) // 15,
    "dayofweek": _weekday,
    "is_weekend": lambda times: _weekday(times) >= 5,
    "day": lambda times: _since(times, _months(times)),
    "dayofyear": lambda times: _since(times, times.astype("datetime64[Y]")),
    "month": lambda times: _months(times).astype("int64") % 12 + 1,
    "quarter": lambda times: _months(times).astype("int64") % 12 // 3 + 1,
    "year": lambda times: times.astype("datetime64[Y]").astype("int64") + 1970,
}
