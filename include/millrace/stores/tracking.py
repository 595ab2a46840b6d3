"""What the stages tell the model registry: a candidate's training, its trials, and a version to register."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import Field

from millrace.strict import StrictModel

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


class TrackedTrial(StrictModel):
    """One trial of a search. Times are seconds since 1970."""

    number: int
    params: dict[str, Any]
    metrics: dict[str, float]
    started: float
    finished: float
    failed: bool = False


class TrackedRun(StrictModel):
    """The training of one candidate. Runs are told apart by the tags `millrace.run_id` and `millrace.candidate`."""

    experiment: str
    name: str
    tags: dict[str, str]
    params: dict[str, Any]
    metrics: dict[str, float]
    started: float
    finished: float
    trials: list[TrackedTrial] = Field(default_factory=list)


@dataclass(frozen=True)
class NewVersion:
    """A model to register.

    `example` holds real rows of its inputs, `kinds` what each input is, `optional` which may be null.
    """

    name: str
    mlflow_run_id: str
    content: bytes
    tags: dict[str, str]
    metadata: dict[str, Any]
    example: pd.DataFrame
    prediction: np.ndarray[Any, Any]
    kinds: dict[str, str]
    optional: frozenset[str] = frozenset()
    params: dict[str, str] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    """Further files of the version, by name: its compiled form."""
