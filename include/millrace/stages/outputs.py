"""What each stage hands to the next: URIs and small JSON, never frames."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from millrace.stores.base import DatasetRef
from millrace.strict import StrictModel


class Extracted(StrictModel):
    """The source's rows, typed, as a dataset version."""

    dataset: DatasetRef
    origin: dict[str, Any] = Field(default_factory=dict, description="What the source says of itself.")


class Validated(StrictModel):
    """The rows that passed."""

    dataset: DatasetRef
    quarantined: int = 0
    quarantine: DatasetRef | None = Field(default=None, description="The rows set aside, with the reasons.")
    passed: int = Field(description="How many expectations held.")
    failed: list[dict[str, Any]] = Field(default_factory=list, description="ExpectationResults that did not hold.")
    report_uri: str | None = Field(default=None, description="The rendered Data Docs.")


class Transformed(StrictModel):
    """The table that models are trained on and sinks receive."""

    dataset: DatasetRef
    steps: list[dict[str, Any]] = Field(default_factory=list, description="step, rows, columns, seconds of each step.")
    profile: dict[str, Any] | None = Field(default=None, description="What each column holds, where it was looked at.")


class Loaded(StrictModel):
    """What each sink received."""

    deliveries: list[dict[str, Any]] = Field(default_factory=list)


class Trained(StrictModel):
    """One fitted candidate."""

    candidate: str
    estimator: str
    params: dict[str, Any]
    model_uri: str = Field(description="The fitted Pipeline, in skops format, on S3.")
    cv_metrics: dict[str, float] = Field(description="Mean over the folds of the training rows.")
    metrics: dict[str, float] = Field(description="On the held-out rows.")
    mlflow_run_id: str
    rows: dict[str, int] = Field(
        description="train, test, dropped; beyond_limit where training.max_rows left rows out."
    )
    report: dict[str, Any] = Field(default_factory=dict, description="What the search tried, chose and cost.")


class Evaluated(StrictModel):
    """The comparison on the held-out rows."""

    best: str
    metric: str
    candidates: list[dict[str, Any]] = Field(description="name, estimator, metrics, intervals, cv_metrics.")
    champion: dict[str, Any] | None = Field(default=None, description="version, metrics; None without a champion.")
    plots: dict[str, str] = Field(default_factory=dict, description="Name to s3:// URI.")
    breakdown: dict[str, Any] | None = Field(default=None, description="The best candidate by class, or by cluster.")
    reports: dict[str, str] = Field(default_factory=dict, description="Name to s3:// URI of a JSON file.")


class Forecasted(StrictModel):
    """What was forecast."""

    model_version: str | None = Field(description="The champion that made it; None without one.")
    origin: str | None = Field(default=None, description="The first time that is forecast: ISO 8601, UTC.")
    series: int = 0
    forecasts: int = Field(default=0, description="Documents kept in the collection `forecasts`.")
    live: dict[str, Any] = Field(
        default_factory=dict, description="count, coverage, width of earlier forecasts whose truth is known."
    )
    allocation: list[dict[str, Any]] = Field(
        default_factory=list, description="series, cost, co2, renewable_share, conflicts of each allocation."
    )


class Registered(StrictModel):
    """What became of the best candidate."""

    promoted: bool
    reason: str
    model_version: str | None
    metrics: dict[str, float] = Field(default_factory=dict)
    compiled: dict[str, Any] | None = Field(default=None, description="The CompiledReport of the version.")
    decision: dict[str, Any] = Field(default_factory=dict, description="outcome, reason, and the evidence for them.")
