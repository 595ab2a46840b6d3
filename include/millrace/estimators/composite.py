"""Candidates that are made of others: `auto`, which looks for the best by itself, and `stacking`.

An entry says what may take part; how its parts are searched, weighed and put together is the training stage's work.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator

from millrace.errors import TrainingError, did_you_mean
from millrace.estimators.base import Candidate
from millrace.estimators.voting import MEMBERS, Member, named_members

_TASKS = frozenset({"regression", "classification"})


class Composite(Candidate):
    """A candidate without an estimator of its own."""

    tasks: ClassVar[frozenset[str]] = _TASKS
    parameters: ClassVar[frozenset[str]] = frozenset()
    is_composite: ClassVar[bool] = True

    def build(self, task: str, params: dict[str, Any], seed: int) -> Any:
        """Refuses: there is nothing to build before the parts have been weighed."""
        raise TrainingError(f"The candidate '{self.label}' is put together by its training; it cannot be built alone.")


class Auto(Composite):
    """Picks estimators by task, size and kinds of columns, searches their parameters, and combines the best."""

    tasks: ClassVar[frozenset[str]] = _TASKS | {"clustering", "forecast"}
    estimator: Literal["auto"]
    estimators: list[str] | None = Field(
        default=None, min_length=1, description="Estimators to choose from; default: those that suit the table."
    )

    @field_validator("estimators")
    @classmethod
    def _known_estimators(cls, names: list[str] | None) -> list[str] | None:
        for name in names or []:
            if name not in MEMBERS:
                raise ValueError(f"'{name}' is no estimator that auto may choose. {did_you_mean(name, MEMBERS)}")
        return names


class Stacking(Composite):
    """Its members weighed by non-negative least squares on predictions for rows that they have not learnt from."""

    estimator: Literal["stacking"]
    members: list[Member] = Field(min_length=2, description="Estimator names, or {estimator, params}.")

    _names_alone = field_validator("members", mode="before")(named_members)
