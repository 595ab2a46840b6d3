"""The section `promotion` of a spec: when a new version becomes the champion, who says so, and when it goes again."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import ConfigDict, Field, field_validator

from millrace.spec.duration import Duration
from millrace.spec.metrics import UNBOUNDED, require_live_metric
from millrace.strict import StrictModel

LIVE_TASKS = ("regression", "classification")


class Rollback(StrictModel):
    """When a champion whose live quality falls gives way to the champion before it."""

    metric: str | None = Field(default=None, description="Live metric to watch; default: the one that promotes.")
    tolerance: float = Field(
        default=0.0, ge=0, description="How much worse than its held-out interval the live metric may be, as a share."
    )
    window: Duration = Field(default=timedelta(days=7), description="How far back live predictions count.")
    min_samples: int = Field(default=200, ge=20, description="Least number of predictions with a known truth.")
    checks: int = Field(default=2, ge=1, le=100, description="Checks in a row that must find it fallen.")

    @field_validator("window")
    @classmethod
    def _forward(cls, window: timedelta) -> timedelta:
        return _positive(window)


class Promotion(StrictModel):
    """When the best candidate becomes the champion."""

    model_config = ConfigDict(allow_inf_nan=False)

    metric: str | None = Field(default=None, description="Metric that decides; default: the task's first.")
    limit: float | None = Field(default=None, description="Worst value that may be promoted.")
    min_improvement: float = Field(
        default=0.0,
        description="How much better than the champion it must surely be; below 0: how much worse it may be at most.",
    )
    confidence: float = Field(
        default=0.95, ge=0.5, lt=1, description="Of the interval of the improvement, by a paired bootstrap."
    )
    max_latency_ms: float | None = Field(
        default=None,
        gt=0,
        description="Longest time for one row, as it will be served (median); of a forecast: for one of all series.",
    )
    max_size_mb: float | None = Field(default=None, gt=0, description="Largest file that the service has to load.")
    approval: Literal["auto", "human"] = Field(
        default="auto", description="human: the version waits as challenger until somebody approves it."
    )
    approval_timeout: Duration = Field(
        default=timedelta(days=7), description="How long a version waits for a person; later runs go on meanwhile."
    )
    on_timeout: Literal["reject", "approve"] = Field(default="reject", description="What silence means.")
    rollback: Rollback | None = Field(default=None, description="Go back when live quality falls; default: never.")

    @field_validator("approval_timeout")
    @classmethod
    def _forward(cls, timeout: timedelta) -> timedelta:
        return _positive(timeout)

    def check_limit(self, task: str, metric: str, *, greater_is_better: bool) -> None:
        """Refuse a limit that no model can keep: no version would ever be promoted. Raises ValueError."""
        if self.limit is None or metric in UNBOUNDED:
            return
        best = 1.0 if greater_is_better else 0.0
        if self.limit > best if greater_is_better else self.limit < best:
            raise ValueError(
                f"promotion.limit is {self.limit:g}, but the best {metric} of a {task} is {best:g}: no model could be "
                "promoted. Give the worst value that may be, or leave the limit out."
            )

    def check_rollback(self, task: str, metric: str) -> None:
        """Refuse a rollback by a metric that live predictions cannot give. Raises ValueError."""
        if self.rollback is None:
            return
        if task not in LIVE_TASKS:
            raise ValueError(
                f"promotion.rollback compares live predictions with their truth, which a {task} has not. "
                f"It is for task: {' or '.join(LIVE_TASKS)}."
            )
        require_live_metric("promotion.rollback", self.rollback.metric or metric, task)


def _positive(span: timedelta) -> timedelta:
    if span <= timedelta(0):
        raise ValueError("a span of time above 0 is wanted, such as 12h or 7d")
    return span
