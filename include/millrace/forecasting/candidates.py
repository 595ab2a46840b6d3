"""The forecasters that a candidate may name, with their options. The models themselves are imported when built."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from millrace.errors import did_you_mean
from millrace.estimators.voting import Member
from millrace.forecasting.base import ForecastCandidate, Forecaster, RegressionCandidate
from millrace.strict import by_name


class SeasonalNaive(ForecastCandidate):
    """The value of a season ago: what every other candidate must beat. It is never promoted."""

    is_baseline: ClassVar[bool] = True
    estimator: Literal["seasonal_naive"]
    season: int | None = Field(default=None, ge=1, description="Steps; default: the forecast's season.")

    def forecaster(self, seed: int) -> Forecaster:
        """The model."""
        from millrace.forecasting.seasonal import SeasonalNaiveModel

        return SeasonalNaiveModel(self.season)


class Drift(ForecastCandidate):
    """The mean growth so far, continued from the last known value."""

    estimator: Literal["drift"]

    def forecaster(self, seed: int) -> Forecaster:
        """The model."""
        from millrace.forecasting.seasonal import DriftModel

        return DriftModel()


class ExponentialSmoothing(ForecastCandidate):
    """Level, trend and season, each following the last values: for short series, each by itself."""

    estimator: Literal["exponential_smoothing"]
    trend: Literal["none", "linear", "damped"] = Field(default="damped", description="How growth goes on.")
    seasonal: bool = Field(default=False, description="Whether a season repeats; needs two whole ones.")
    scale: Literal["plain", "log", "logit"] = Field(
        default="plain", description="log: growth by factors; logit: growth that saturates at `cap`."
    )
    cap: float | None = Field(default=None, gt=0, description="Where scale: logit saturates, 100 for a percentage.")

    @model_validator(mode="after")
    def _cap_for_logit(self) -> ExponentialSmoothing:
        _check_cap(self.scale, self.cap)
        return self

    def forecaster(self, seed: int) -> Forecaster:
        """The model."""
        from millrace.forecasting.smoothing import SmoothingModel

        return SmoothingModel(self.trend, self.seasonal, self.scale, self.cap)


class SharedGrowth(ForecastCandidate):
    """The median gain of all series together, from where each of them stands: an S-curve that they share."""

    estimator: Literal["shared_growth"]
    scale: Literal["plain", "log", "logit"] = Field(default="log", description="As for exponential_smoothing.")
    cap: float | None = Field(default=None, gt=0, description="Where scale: logit saturates, 100 for a percentage.")

    @model_validator(mode="after")
    def _cap_for_logit(self) -> SharedGrowth:
        _check_cap(self.scale, self.cap)
        return self

    def forecaster(self, seed: int) -> Forecaster:
        """The model."""
        from millrace.forecasting.growth import SharedGrowthModel

        return SharedGrowthModel(self.scale, self.cap)


class LagRegression(RegressionCandidate):
    """Any regression on lags, the calendar and what is known ahead, over all series at once (mlforecast)."""

    estimator: Literal["lag_regression"]
    regressor: Member = Field(
        default_factory=lambda: Member(estimator="hist_gradient_boosting"), description="An estimator for regressions."
    )
    lags: list[int] = Field(min_length=1, description="How many steps back the values lie that are looked at.")
    means: dict[int, int] = Field(default_factory=dict, description="Rolling means: lag to how many steps.")
    strategy: Literal["recursive", "direct"] = Field(
        default="recursive", description="direct: a model of its own for each step ahead, which takes as many fits."
    )

    @field_validator("lags")
    @classmethod
    def _whole_steps(cls, lags: list[int]) -> list[int]:
        if any(lag < 1 for lag in lags) or len(set(lags)) < len(lags):
            raise ValueError("lags are whole numbers above 0, each once.")
        return sorted(lags)

    def forecaster(self, seed: int) -> Forecaster:
        """The model."""
        from millrace.forecasting.lags import LagModel

        model = self.regressor.candidate().build("regression", self.regressor.params, seed)
        return LagModel(model, self.lags, dict(self.means), self.strategy)


class DayVector(RegressionCandidate):
    """A regression from whole days to the next day; several days ahead step by step."""

    needs_days: ClassVar[bool] = True
    estimator: Literal["day_vector"]
    regressor: Member = Field(
        default_factory=lambda: Member(estimator="ridge", params={"alpha": 3}),
        description="An estimator for regressions: ridge is the LEAR model; mlp has one output for each step.",
    )
    days: list[int] = Field(default=[1, 2, 3, 7], min_length=1, description="Which days before are looked at.")
    history: int | None = Field(default=None, ge=30, description="Learn from so many last days; default: from all.")
    copies: int = Field(default=1, ge=1, le=20, description="The mean of so many fits with seeds of their own.")

    @field_validator("days")
    @classmethod
    def _whole_days(cls, days: list[int]) -> list[int]:
        if any(day < 1 for day in days) or len(set(days)) < len(days):
            raise ValueError("days are whole numbers above 0, each once.")
        return sorted(days)

    def forecaster(self, seed: int) -> Forecaster:
        """The model."""
        from millrace.forecasting.day_vectors import DayVectorModel

        candidate = self.regressor.candidate()
        models = [candidate.build("regression", self.regressor.params, seed + copy) for copy in range(self.copies)]
        return DayVectorModel(models, self.days, self.history)


class Mean(ForecastCandidate):
    """The mean of several forecasters, which is often better than each of them."""

    estimator: Literal["mean"]
    members: list[dict[str, Any]] = Field(min_length=2, description="Forecasters, written as under 'candidates'.")

    @field_validator("members")
    @classmethod
    def _known(cls, members: list[dict[str, Any]]) -> list[dict[str, Any]]:
        for member in members:
            _member(member)
        return members

    @property
    def searchable(self) -> frozenset[str]:
        """Nothing: its members are as they are written; `candidates: auto` searches and combines."""
        return frozenset()

    @property
    def parts(self) -> list[ForecastCandidate]:
        """The members as candidates."""
        return [_member(member) for member in self.members]

    @property
    def wants_days(self) -> bool:
        """Whether a member forecasts whole days of steps."""
        return any(part.wants_days for part in self.parts)

    def forecaster(self, seed: int) -> Forecaster:
        """The model."""
        from millrace.forecasting.mean import MeanModel

        return MeanModel([part.forecaster(seed) for part in self.parts])


MEMBERS: dict[str, type[ForecastCandidate]] = by_name(
    (SeasonalNaive, Drift, ExponentialSmoothing, SharedGrowth, LagRegression, DayVector), "estimator"
)
FORECASTERS: tuple[type[ForecastCandidate], ...] = (*MEMBERS.values(), Mean)
"""The forecasters that a candidate may name."""


def _check_cap(scale: str, cap: float | None) -> None:
    if (scale == "logit") != (cap is not None):
        raise ValueError("cap and scale: logit go together: cap: 100 for a percentage.")


def _member(written: dict[str, Any]) -> ForecastCandidate:
    name = str(written.get("estimator"))
    if name not in MEMBERS:
        raise ValueError(f"'{name}' is no forecaster of a mean. {did_you_mean(name, MEMBERS)}")
    return MEMBERS[name].model_validate(written)
