"""Whether the intervals of stored forecasts have held."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from millrace.alerts.desk import AlertDesk
from millrace.settings import Settings
from millrace.spec.models import PipelineSpec
from millrace.stages.monitoring.context import MonitorContext, Part
from millrace.stages.monitoring.coverage import interval_coverage
from millrace.stores.artifacts import S3ArtifactStore
from millrace.stores.base import ModelVersion
from millrace.stores.model_registry import MlflowRegistry
from millrace.stores.monitoring import MonitoringStore
from millrace.stores.predictions import PredictionStore
from millrace.stores.runs import MongoRunStore

pytestmark = pytest.mark.integration
NOW = datetime(2026, 5, 29, tzinfo=UTC)
SPEC = {
    "name": "demand",
    "source": {"type": "sample", "name": "energy_demand", "timestamp": {"from": "Datetime", "as": "at"}},
    "task": "forecast",
    "target": "AEP_MW",
    "forecast": {"frequency": "h", "horizon": 24},
    "candidates": [{"estimator": "seasonal_naive"}],
    "monitoring": {"coverage": True, "window": "28d"},
}


def looked(settings: Settings, days: int, outside: int) -> Part:
    """The check after so many days of hourly forecasts, of which every day `outside` hours lay outside."""
    runs = MongoRunStore(settings)
    start = NOW - timedelta(days=days)
    runs.record_forecasts(
        {
            "pipeline": "demand",
            "series": "",
            "origin": start + timedelta(days=day),
            "timestamp": start + timedelta(days=day, hours=hour),
            "AEP_MW": 100.0,
            "confidence_lower": 90.0,
            "confidence_upper": 110.0,
            "actual": 150.0 if hour < outside else 100.0,
        }
        for day in range(days)
        for hour in range(24)
    )
    return interval_coverage(
        MonitorContext(
            run_id="check",
            spec=PipelineSpec.model_validate(SPEC),
            champion=ModelVersion(name="demand", version="1", uri="models:/demand/1", run_id="run", created="2026"),
            runs=runs,
            artifacts=S3ArtifactStore(settings),
            registry=MlflowRegistry(settings),
            predictions=PredictionStore(settings),
            reports=MonitoringStore(settings),
            desk=AlertDesk(settings),
            settings=settings,
            now=NOW,
        )
    )


def test_intervals_that_hold_as_often_as_they_should_are_no_finding(settings: Settings) -> None:
    part = looked(settings, days=28, outside=2)
    assert (part.findings, part.judged) == ([], ["interval_coverage"])
    assert part.figures["coverage"] == pytest.approx(22 / 24)


def test_intervals_that_hold_too_seldom_are_critical(settings: Settings) -> None:
    (finding,) = looked(settings, days=28, outside=9).findings
    assert (finding.kind, finding.subject, finding.severity) == ("interval_coverage", "interval", "critical")
    assert "The intervals of 90% held 62.5% of 672 true values" in finding.message


def test_a_few_days_say_too_little(settings: Settings) -> None:
    part = looked(settings, days=4, outside=24)
    assert (part.findings, part.judged) == ([], [])
    assert part.notes == ["The truth of 96 forecasts in the window is known; too few to judge."]
