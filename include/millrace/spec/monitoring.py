"""The section `monitoring` of a spec: what is watched once the champion serves, and what follows from it."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from millrace.drift.base import DriftLimits
from millrace.spec.duration import Duration
from millrace.spec.metrics import require_live_metric
from millrace.spec.schedule import checked_cron
from millrace.strict import StrictModel

_PRESETS = ("@hourly", "@daily", "@weekly", "@monthly")


class LiveQuality(StrictModel):
    """What is asked of the predictions whose truth is known by now."""

    metric: str | None = Field(default=None, description="Metric that is watched; default: the deciding one.")
    tolerance: float = Field(
        default=0.0, ge=0, description="How much worse than the held-out interval the live metric may be, as a share."
    )
    min_samples: int = Field(default=100, ge=10, description="Least number of judged predictions.")


class Coverage(StrictModel):
    """What is asked of the intervals of a forecast."""

    tolerance: float = Field(default=0.05, gt=0, lt=1, description="How far the coverage may be from its level.")
    min_samples: int = Field(default=100, ge=10, description="Least number of hours or days whose truth is known.")


def _switch(value: Any) -> Any:
    """`true` asks for the defaults, `false` for nothing."""
    if isinstance(value, bool):
        return {} if value else None
    return value


class Monitoring(StrictModel):
    """What is watched once the champion serves."""

    schedule: str = Field(default="@daily", description="Cron or preset: when the check runs.")
    window: Duration = Field(default=timedelta(days=7), description="How far back the check looks.")
    min_samples: int = Field(default=200, ge=30, description="Least number of rows; fewer are not judged.")
    drift: Annotated[DriftLimits | None, BeforeValidator(_switch, json_schema_input_type=bool | DriftLimits | None)] = (
        Field(default=None, description="Compare features and predictions with training: true, or limits of one's own.")
    )
    source: bool = Field(default=True, description="With drift: also compare the newest source table with training's.")
    live_quality: Annotated[
        LiveQuality | None, BeforeValidator(_switch, json_schema_input_type=bool | LiveQuality | None)
    ] = Field(default=None, description="Watch the predictions whose truth is known: true, or limits of one's own.")
    coverage: Annotated[Coverage | None, BeforeValidator(_switch, json_schema_input_type=bool | Coverage | None)] = (
        Field(default=None, description="Watch how often a forecast's interval holds: true, or limits of one's own.")
    )
    resolve: Literal["auto", "human"] = Field(
        default="auto", description="auto: an alert ends when a later check finds its condition gone."
    )
    retrain: Literal["never", "on_drift"] = Field(default="never", description="What drift sets off.")
    keep_pages: int = Field(
        default=30, ge=1, le=10_000, description="How many of the newest checks keep their pages (some MB each)."
    )
    cooldown: Duration = Field(default=timedelta(hours=24), description="Least time between two retrainings.")

    @field_validator("schedule")
    @classmethod
    def _readable(cls, schedule: str) -> str:
        return checked_cron(schedule, _PRESETS)

    @field_validator("window")
    @classmethod
    def _not_empty(cls, window: timedelta) -> timedelta:
        if window < timedelta(minutes=1):
            raise ValueError("a window shorter than a minute holds nothing. Allowed: 1m or longer.")
        return window

    @model_validator(mode="after")
    def _retrains_on_something(self) -> Monitoring:
        if self.retrain == "on_drift" and self.drift is None:
            raise ValueError("retrain: on_drift needs drift: true, or nothing would ever set it off.")
        return self

    def check_task(self, task: str, metric: str) -> None:
        """Refuse what a model of this task cannot give. Raises ValueError."""
        if self.coverage is not None and task != "forecast":
            raise ValueError("monitoring.coverage watches the intervals of a forecast; this task makes none.")
        if self.live_quality is None:
            return
        if task == "clustering":
            raise ValueError("monitoring.live_quality needs a truth to compare with, which a clustering has not.")
        if task == "forecast":
            raise ValueError("monitoring.live_quality is for answers to requests; write coverage: true for a forecast.")
        require_live_metric("monitoring.live_quality", self.live_quality.metric or metric, task)

    @property
    def watches(self) -> bool:
        """Whether there is anything to do."""
        return any(part is not None for part in (self.drift, self.live_quality, self.coverage))
