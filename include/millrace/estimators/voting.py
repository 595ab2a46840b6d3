"""The mean of several estimators, which is often better than each of them."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from millrace.errors import TrainingError, did_you_mean
from millrace.estimators.base import Candidate
from millrace.estimators.gaussian_process import GaussianProcess
from millrace.estimators.linear import ElasticNet, LinearRegression, LogisticRegression, Ridge
from millrace.estimators.others import NearestNeighbours, NeuralNetwork, SupportVectors
from millrace.estimators.trees import ExtraTrees, HistGradientBoosting, RandomForest, XGBoost
from millrace.strict import StrictModel, by_name

MEMBERS: dict[str, type[Candidate]] = by_name(
    (
        LinearRegression,
        Ridge,
        ElasticNet,
        LogisticRegression,
        RandomForest,
        ExtraTrees,
        HistGradientBoosting,
        XGBoost,
        NeuralNetwork,
        NearestNeighbours,
        SupportVectors,
        GaussianProcess,
    ),
    "estimator",
)
"""The single estimators that predict a target: each a candidate, and a possible member of a composite."""


class Member(StrictModel):
    """One estimator of the ensemble."""

    estimator: str = Field(description="Name of an estimator.")
    params: dict[str, Any] = Field(default_factory=dict, description="Its fixed parameters.")

    @model_validator(mode="after")
    def _known(self) -> Member:
        if self.estimator not in MEMBERS:
            raise ValueError(
                f"'{self.estimator}' is no estimator of an ensemble. {did_you_mean(self.estimator, MEMBERS)}"
            )
        self.candidate()
        return self

    def candidate(self, name: str | None = None) -> Candidate:
        """The member as a candidate of its own."""
        written = {"estimator": self.estimator, "params": self.params, "name": name}
        return MEMBERS[self.estimator].model_validate(written)


def named_members(members: Any) -> Any:
    """Members as they are written: a name alone is an estimator without parameters."""
    return [{"estimator": m} if isinstance(m, str) else m for m in members] if isinstance(members, list) else members


class Voting(Candidate):
    """The mean of its members' predictions (regression) or probabilities (classification)."""

    tasks: ClassVar[frozenset[str]] = frozenset({"regression", "classification"})
    parameters: ClassVar[frozenset[str]] = frozenset({"weights", "n_jobs"})
    needs_scaling: ClassVar[bool] = True
    several_targets: ClassVar[bool] = False
    estimator: Literal["voting"]
    members: list[Member] = Field(min_length=2, description="Estimator names, or {estimator, params}.")

    _names_alone = field_validator("members", mode="before")(named_members)

    def build(self, task: str, params: dict[str, Any], seed: int) -> Any:
        """scikit-learn's VotingRegressor, or VotingClassifier on probabilities."""
        from sklearn.ensemble import VotingClassifier, VotingRegressor

        named = []
        for number, member in enumerate(self.members, start=1):
            candidate = member.candidate()
            if task not in candidate.tasks:
                raise TrainingError(
                    f"The ensemble '{self.label}' has the member {member.estimator}, which cannot do a {task}.",
                    hint=f"It can do: {', '.join(sorted(candidate.tasks))}. Name another member.",
                )
            named.append((f"{number}_{member.estimator}", candidate.build(task, member.params, seed)))
        return (
            VotingClassifier(named, voting="soft", **params)
            if task == "classification"
            else VotingRegressor(named, **params)
        )
