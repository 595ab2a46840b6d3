"""What a forecaster is: a candidate of the task `forecast`, and the model that it builds.

Specs import this while they are parsed, so nothing heavy is imported here.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

from pydantic import ValidationError, field_validator, model_validator

from millrace.errors import did_you_mean
from millrace.estimators.base import Candidate
from millrace.estimators.voting import Member

if TYPE_CHECKING:
    from millrace.forecasting.panel import Array, Panel


class Forecaster(Protocol):
    """A model of series. It learns from a panel, and forecasts from any step of one, whose later values it ignores."""

    def fit(self, panel: Panel, horizon: int) -> Forecaster:
        """Learn from all that the panel knows. Raises TrainingError."""

    def predict(self, panel: Panel, origins: Array, horizon: int) -> Array:
        """The values from each origin on: origins x series x horizon."""


_OF_ALL = frozenset({*Candidate.model_fields})


class ForecastCandidate(Candidate):
    """A forecaster to try. Its options are fields of its own, and so is what `search` may name; it has no `params`."""

    tasks: ClassVar[frozenset[str]] = frozenset({"forecast"})
    parameters: ClassVar[frozenset[str]] = frozenset()
    needs_days: ClassVar[bool] = False

    @model_validator(mode="before")
    @classmethod
    def _no_params(cls, written: Any) -> Any:
        if isinstance(written, dict) and written.get("params"):
            raise ValueError("a forecaster has no 'params': write its options beside 'estimator'.")
        return written

    @model_validator(mode="after")
    def _known_parameters(self) -> Self:
        """Each end of a range and each choice makes a candidate; an option that it does not know is refused."""
        for name, space in self.search.items():
            if not self.searchable:
                raise ValueError(f"{self.estimator} has nothing to search.")
            if name not in self.searchable:
                raise ValueError(
                    f"'{name}' is no option of {self.estimator} to search. {did_you_mean(name, self.searchable)}"
                )
            for value in (space.get("choices") or []) if isinstance(space, dict) else space:
                self._try(name, value)
        return self

    def _try(self, name: str, value: Any) -> None:
        try:
            self.with_options({name: value})
        except ValidationError as error:
            reason = str(error.errors(include_url=False)[0]["msg"]).removeprefix("Value error, ")
            raise ValueError(f"search.{name}: {value!r} does not fit: {reason}") from error

    @property
    def searchable(self) -> frozenset[str]:
        """The options that `search` may name."""
        return frozenset(type(self).model_fields) - _OF_ALL

    def with_options(self, options: dict[str, Any]) -> Self:
        """The same candidate with some options changed, and nothing left to search. Raises ValidationError."""
        return self.model_validate({**self.model_dump(exclude={"search"}), **options})

    def build(self, task: str, params: dict[str, Any], seed: int) -> Forecaster:
        """The unfitted forecaster with some options changed."""
        return self.with_options(params).forecaster(seed)

    @abstractmethod
    def forecaster(self, seed: int) -> Forecaster:
        """The unfitted forecaster; equal seeds give equal models."""

    @property
    def wants_days(self) -> bool:
        """Whether it, or a part of it, forecasts whole days of steps."""
        return self.needs_days

    @property
    def options(self) -> dict[str, Any]:
        """What is written of it beyond its name: its parameters, for the record."""
        return self.model_dump(mode="json", exclude={"estimator", "name", "params", "search", "trials", "impute"})


class RegressionCandidate(ForecastCandidate):
    """A forecaster with a regression inside. `search` names its parameters and the options of the forecaster alike."""

    regressor: Member

    @field_validator("regressor", mode="before")
    @classmethod
    def _name_alone(cls, regressor: Any) -> Any:
        return {"estimator": regressor} if isinstance(regressor, str) else regressor

    @property
    def searchable(self) -> frozenset[str]:
        """The options but the regressor itself, and the regressor's parameters."""
        return (super().searchable - {"regressor"}) | self.regressor.candidate().parameters

    def with_options(self, options: dict[str, Any]) -> Self:
        """The same candidate with some options and parameters of the regressor changed. Raises ValidationError."""
        own = {name: value for name, value in options.items() if name in type(self).model_fields}
        params = {name: value for name, value in options.items() if name not in own}
        regressor = {"estimator": self.regressor.estimator, "params": {**self.regressor.params, **params}}
        return super().with_options({"regressor": regressor, **own})
