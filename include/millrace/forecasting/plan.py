"""The words of a spec's section `forecast`: which series, on which grid of times, how far ahead, how sure.

It answers for its own words only; whether they suit the rest of a spec is for `millrace.spec.forecast`.
"""

from __future__ import annotations

import datetime
import re
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator, model_validator

from millrace.strict import StrictModel

_FREQUENCY = re.compile(r"^(\d*)(min|h|D|W|MS|QS|YS)$")
_DAY_MINUTES = 1440
_MINUTES = {"min": 1, "h": 60}
_SEASON = {"D": 7, "W": 52, "MS": 12, "QS": 4, "YS": 1}
RESERVED = frozenset(
    {"_id", "pipeline", "series", "timestamp", "origin", "horizon", "confidence_lower", "confidence_upper", "level",
     "model_version", "made_at", "run_id", "actual", "allocation"}
)  # fmt: skip
"""Fields of a stored forecast, which no column of the table may take the place of."""


class Gaps(StrictModel):
    """What becomes of missing values between known ones."""

    interpolate: int = Field(
        default=0, ge=0, description="Gaps of at most so many steps are interpolated; longer ones are left."
    )


class Backtest(StrictModel):
    """The forecasts that are made again for the past, each from what was known then. All lengths are steps."""

    held_out: int | None = Field(default=None, ge=1, description="The last steps, which only report.")
    choose: int | None = Field(default=None, ge=1, description="The steps before those, which choose the candidate.")
    every: int | None = Field(default=None, ge=1, description="Steps from one forecast to the next.")
    refit: int = Field(default=30, ge=1, description="A model is fitted anew after so many forecasts.")


class Intervals(StrictModel):
    """How sure a forecast is: adaptive conformal intervals on the errors of past forecasts."""

    level: float = Field(default=0.9, gt=0.5, lt=1, description="Share of true values that are to lie within.")
    window: int = Field(default=84, ge=2, description="Past forecasts whose errors count.")
    step: float = Field(default=0.05, ge=0, lt=1, description="How fast the width follows misses; 0: never.")
    scale: Literal["absolute", "relative"] = Field(
        default="absolute", description="absolute: each series by its own errors; relative: all by their percentage."
    )


class Bounds(StrictModel):
    """What a value cannot go beyond."""

    min: float | None = Field(default=None, description="Nothing below is forecast.")
    max: float | None = Field(default=None, description="Nothing above is forecast.")


class ForecastPlan(StrictModel):
    """The section `forecast`."""

    series: list[str] = Field(default_factory=list, description="Columns whose values name a series; none: one series.")
    time: str | None = Field(default=None, description="Time column; default: the source's timestamp.")
    frequency: str = Field(description="The step between two values: 15min, h, D, W, MS, QS or YS, or a multiple.")
    horizon: int = Field(ge=1, le=10_000, description="How many steps are forecast.")
    timezone: str = Field(default="UTC", description="Whose wall clock the days, the lags and the calendar follow.")
    origin: datetime.time = Field(
        default=datetime.time(0), description="Wall-clock time at which a forecast within a day begins."
    )
    season: int | None = Field(default=None, ge=1, description="Steps after which the course repeats.")
    holidays: str | None = Field(
        default=None, pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$", description="Country, or country and part: DE, US-CA."
    )
    regressors: list[str] = Field(
        default_factory=list, description="Columns known ahead; their future stands in rows without a target."
    )
    gaps: Gaps = Field(default_factory=Gaps)
    duplicates: Literal["error", "mean", "first", "last", "sum"] = Field(
        default="error", description="What becomes of several rows of one series and time."
    )
    bounds: Bounds = Field(default_factory=Bounds)
    backtest: Backtest = Field(default_factory=Backtest)
    intervals: Intervals = Field(default_factory=Intervals)

    @field_validator("series", mode="before")
    @classmethod
    def _one_or_more(cls, series: object) -> object:
        return [series] if isinstance(series, str) else series

    @field_validator("frequency")
    @classmethod
    def _known_frequency(cls, frequency: str) -> str:
        found = _FREQUENCY.match(frequency)
        if found is None or found[1].startswith("0"):
            raise ValueError(f"'{frequency}' is no frequency. Allowed: 15min, h, D, W, MS, QS, YS, or a multiple: 2h.")
        count, unit = int(found[1] or 1), found[2]
        if unit in _MINUTES and _DAY_MINUTES % (count * _MINUTES[unit]):
            raise ValueError(f"'{frequency}' does not divide a day. Allowed: 5min, 10min, 15min, 30min, h, 2h, 3h …")
        return frequency

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f"'{name}' is no time zone. Use a name such as Europe/Madrid or UTC.") from error
        return name

    @model_validator(mode="after")
    def _parts_fit_together(self) -> ForecastPlan:
        day = self.day_steps
        if day is None and self.origin != datetime.time(0):
            raise ValueError(f"origin is for steps within a day; a step of {self.frequency} has no time of day.")
        if day is not None and self._origin_minutes % (_DAY_MINUTES // day):
            raise ValueError(f"origin {self.origin:%H:%M} lies between two steps of {self.frequency}.")
        if day is not None and self.every % day:
            raise ValueError(
                f"backtest.every is {self.every}; within days it is a multiple of a day: {day}, {2 * day} …"
            )
        names = [*self.series, *self.regressors, *([self.time] if self.time else [])]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"'{twice[0]}' is named twice among series, regressors and time.")
        if taken := sorted(set(self.series) & RESERVED):
            raise ValueError(
                f"A series column cannot be called '{taken[0]}': a stored forecast has a field of that name."
            )
        if self.bounds.min is not None and self.bounds.max is not None and self.bounds.min >= self.bounds.max:
            raise ValueError(f"bounds.min {self.bounds.min:g} must be below bounds.max {self.bounds.max:g}.")
        return self

    @property
    def _origin_minutes(self) -> int:
        return self.origin.hour * 60 + self.origin.minute

    @property
    def unit(self) -> tuple[int, str]:
        """The frequency as a number and a unit."""
        found = _FREQUENCY.match(self.frequency)
        if found is None:
            raise ValueError(self.frequency)
        return int(found[1] or 1), found[2]

    @property
    def day_steps(self) -> int | None:
        """How many steps a day has; None where a step is a day or longer."""
        count, unit = self.unit
        return _DAY_MINUTES // (count * _MINUTES[unit]) if unit in _MINUTES else None

    @property
    def origin_step(self) -> int:
        """The step of the day at which a forecast begins; 0 where steps are days or longer."""
        return self._origin_minutes * (self.day_steps or 0) // _DAY_MINUTES

    @property
    def season_steps(self) -> int:
        """The season in force: as written, else a week, or a year."""
        if self.season is not None:
            return self.season
        if self.day_steps is not None:
            return 7 * self.day_steps
        count, unit = self.unit
        return max(1, _SEASON[unit] // count)

    @property
    def every(self) -> int:
        """Steps from one forecast of the past to the next: as written, else a day, or the horizon."""
        return self.backtest.every or self.day_steps or min(self.horizon, self.season_steps)

    @property
    def held_out(self) -> int:
        """The held-out steps: as written, else 28 forecasts' worth within days, and four of longer steps."""
        return self.backtest.held_out or self.every * (28 if self.day_steps else 4)

    @property
    def choose(self) -> int:
        """The steps that choose: as written, else as many as are held out."""
        return self.backtest.choose or self.held_out
