"""What a check works with, and what it hands on."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pydantic import Field

from millrace.alerts.desk import AlertDesk
from millrace.drift.base import Comparison
from millrace.settings import Settings
from millrace.spec.models import PipelineSpec
from millrace.spec.monitoring import Monitoring
from millrace.stores.alerts import Finding
from millrace.stores.base import ArtifactStore, ModelRegistry, ModelVersion, RunStore
from millrace.stores.monitoring import MonitoringStore
from millrace.stores.predictions import PredictionStore
from millrace.strict import StrictModel


@dataclass(frozen=True)
class MonitorContext:
    """One check of one pipeline: its champion, the moment it looks at, and the stores."""

    run_id: str
    spec: PipelineSpec
    champion: ModelVersion
    runs: RunStore
    artifacts: ArtifactStore
    registry: ModelRegistry
    predictions: PredictionStore
    reports: MonitoringStore
    desk: AlertDesk
    settings: Settings
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    act: bool = True
    """Whether alerts, artifacts, retrainings and rollbacks come of it; without, a check only looks."""

    @property
    def rules(self) -> Monitoring:
        """The spec's section."""
        return self.spec.watching

    @property
    def since(self) -> datetime:
        """Where the window begins."""
        return self.now - self.rules.window


class Part(StrictModel):
    """What one part of a check found: the kinds of alerts it could judge, its findings, and what it could not do."""

    judged: list[str] = Field(default_factory=list)
    findings: list[Finding] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list)
    comparisons: dict[str, Comparison] = Field(default_factory=dict)
    figures: dict[str, Any] = Field(default_factory=dict)
    pages: dict[str, str] = Field(default_factory=dict, description="Name to s3:// URI.")


class Monitored(StrictModel):
    """A check's report."""

    pipeline: str
    run_id: str
    model_version: str | None
    at: str
    window: dict[str, str]
    parts: dict[str, Part] = Field(default_factory=dict)
    notes: list[str] = Field(default_factory=list)
    opened: list[str] = Field(default_factory=list, description="Alerts that are open because of this check.")
    resolved: list[str] = Field(default_factory=list, description="Alerts that this check ended.")
    retrain: bool = Field(default=False, description="Whether this check sets off a retraining.")
    reason: str = Field(default="", description="Why it does, or why not.")

    def as_summary(self) -> dict[str, Any]:
        """The small JSON that a scheduler hands on."""
        document = self.model_dump(mode="json", exclude={"parts"})
        counts = {name: len(part.findings) for name, part in self.parts.items()}
        return document | {"findings": counts, "pages": {k: v for p in self.parts.values() for k, v in p.pages.items()}}

    @property
    def findings(self) -> list[Finding]:
        """All findings."""
        return [finding for part in self.parts.values() for finding in part.findings]
