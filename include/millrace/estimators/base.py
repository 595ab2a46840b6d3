"""What a candidate is: one estimator with its fixed parameters and its search space."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Literal, TypeAlias

from pydantic import Field, model_validator

from millrace.errors import did_you_mean
from millrace.strict import StrictModel

Task: TypeAlias = Literal["regression", "classification", "clustering", "forecast"]


class Candidate(StrictModel, ABC):
    """One estimator to try. An entry sets `estimator` to a Literal, declares the class variables, implements `build`.

    `search` maps a parameter to [low, high] (numbers; integers stay integers) or to {"choices": [...]}; a range whose
    ends are positive and a factor of 10 or more apart is searched on a log scale.
    """

    tasks: ClassVar[frozenset[str]]
    parameters: ClassVar[frozenset[str]]
    needs_scaling: ClassVar[bool] = False
    takes_missing: ClassVar[bool] = False
    several_targets: ClassVar[bool] = True
    is_baseline: ClassVar[bool] = False
    is_composite: ClassVar[bool] = False

    estimator: str
    name: str | None = Field(default=None, pattern=r"^[a-z0-9][a-z0-9_-]*$", description="Defaults to the estimator.")
    params: dict[str, Any] = Field(default_factory=dict, description="Fixed parameters of the estimator.")
    search: dict[str, list[Any] | dict[str, list[Any]]] = Field(
        default_factory=dict, description="Search space: [low, high] or {choices: [...]}."
    )
    trials: int = Field(default=20, ge=1, le=1000, description="Trials of the search; unused without one.")
    impute: Literal["auto", "median", "iterative"] = Field(
        default="auto",
        description="How missing numbers are filled; iterative guesses them from the other columns, and is what auto "
        "does for linear models, neural networks and ensembles. Boosted trees take them as they are, with auto.",
    )

    @property
    def label(self) -> str:
        """The candidate's name within its pipeline."""
        return self.name or self.estimator

    @property
    def leaves_gaps(self) -> bool:
        """Whether missing numbers reach the estimator as they are."""
        return self.takes_missing and self.impute == "auto"

    @model_validator(mode="after")
    def _known_parameters(self) -> Candidate:
        for parameter in [*self.params, *self.search]:
            if not self.parameters:
                raise ValueError(f"{self.estimator} takes neither 'params' nor 'search'.")
            if parameter not in self.parameters:
                raise ValueError(
                    f"'{parameter}' is no parameter of {self.estimator}. {did_you_mean(parameter, self.parameters)}"
                )
        return self

    @model_validator(mode="after")
    def _readable_search(self) -> Candidate:
        for parameter, space in self.search.items():
            choices = space.get("choices") if isinstance(space, dict) else None
            if choices and list(space) == ["choices"]:
                continue
            if isinstance(space, list) and _is_range(space):
                continue
            raise ValueError(
                f"search.{parameter} is {space!r}. Allowed: [low, high] with low < high, or {{choices: [...]}}."
            )
        return self

    @abstractmethod
    def build(self, task: str, params: dict[str, Any], seed: int) -> Any:
        """The unfitted scikit-learn estimator for `task` with `params` over this entry's defaults."""


def _is_range(space: list[Any]) -> bool:
    numbers = all(isinstance(end, int | float) and not isinstance(end, bool) for end in space)
    return len(space) == 2 and numbers and space[0] < space[1]
