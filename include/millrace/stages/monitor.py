"""The check of a pipeline that serves: looks, keeps what it found, alerts, and says whether to train again.

Each part looks at one thing and knows nothing of alerts. A check that is done twice leaves the same state as one.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from millrace.alerts.desk import AlertDesk
from millrace.errors import MillraceError, RequestError
from millrace.settings import Settings, get_settings
from millrace.spec.duration import in_words
from millrace.spec.models import PipelineSpec
from millrace.stages.base import error_document
from millrace.stages.monitoring.context import MonitorContext, Monitored, Part
from millrace.stages.monitoring.coverage import interval_coverage
from millrace.stages.monitoring.drift import live_drift, pages_of, source_drift
from millrace.stages.monitoring.quality import live_quality
from millrace.stores.alerts import Finding
from millrace.stores.artifacts import S3ArtifactStore
from millrace.stores.monitoring import MonitoringStore
from millrace.stores.predictions import PredictionStore
from millrace.stores.runs import MongoRunStore

FAILED = "monitoring_failed"
UNCLOSED = timedelta(hours=24)
DRIFTS = {("data_drift", "features"), ("prediction_drift", None)}
"""What sets off a retraining. A drift of the source does not: the run that read it has trained on it, or refused it."""


def open_monitor(
    spec: PipelineSpec,
    run_id: str,
    settings: Settings | None = None,
    now: datetime | None = None,
    *,
    act: bool = True,
) -> MonitorContext | None:
    """What a check of this pipeline works with; None while it has no champion. Raises RequestError."""
    from millrace.stores.model_registry import MlflowRegistry

    if spec.monitoring is None:
        raise RequestError(
            f"The spec of '{spec.name}' has no section 'monitoring'.", hint="Add monitoring: {drift: true}."
        )
    settings = settings or get_settings()
    registry = MlflowRegistry(settings)
    champion = registry.champion(spec.name)
    if champion is None:
        return None
    return MonitorContext(
        run_id=run_id,
        spec=spec,
        champion=champion,
        runs=MongoRunStore(settings),
        artifacts=S3ArtifactStore(settings),
        registry=registry,
        predictions=PredictionStore(settings),
        reports=MonitoringStore(settings),
        desk=AlertDesk(settings),
        settings=settings,
        now=now or datetime.now(UTC),
        act=act,
    )


def monitor(context: MonitorContext) -> Monitored:
    """Look at everything the spec asks for, raise and end alerts, and claim a retraining where one is due."""
    parts = {name: _looked(context, name) for name in _wanted(context)}
    report = Monitored(
        pipeline=context.spec.name,
        run_id=context.run_id,
        model_version=context.champion.version,
        at=context.now.isoformat(),
        window={"start": context.since.isoformat(), "end": context.now.isoformat()},
        parts=parts,
    )
    return _acted(context, report) if context.act else report


def _wanted(context: MonitorContext) -> list[str]:
    rules = context.rules
    asked = {
        "live": rules.drift is not None and context.spec.task != "forecast",  # forecasts are made ahead, not asked for
        "source": rules.drift is not None and rules.source,
        "quality": rules.live_quality is not None or context.spec.promotion.rollback is not None,
        "coverage": rules.coverage is not None,
    }
    return [name for name, wanted in asked.items() if wanted]


def _looked(context: MonitorContext, name: str) -> Part:
    """One part's findings; a part that fails is a finding itself and hides no other, unless a retry may mend it."""
    try:
        part = PARTS[name](context)
    except Exception as error:
        if getattr(error, "retryable", not isinstance(error, MillraceError)):
            raise
        message = f"The check '{name}' could not be made: {error_document(error)['message']}"
        finding = Finding(kind=FAILED, subject=name, message=message)
        return Part(judged=[f"{FAILED}:{name}"], findings=[finding], notes=[message])
    return part.model_copy(update={"judged": [*part.judged, f"{FAILED}:{name}"]})


def _acted(context: MonitorContext, report: Monitored) -> Monitored:
    opened = [context.desk.note(report.pipeline, finding, report.run_id) for finding in report.findings]
    retrain, reason = _retraining(context, report)
    report = report.model_copy(
        update={"opened": opened, "resolved": _resolved(context, report), "retrain": retrain, "reason": reason}
    )
    context.reports.keep({**report.model_dump(mode="json"), "_id": report.run_id, "at": context.now})
    context.reports.forget_pages(context.artifacts.keep_newest(pages_of(report.pipeline), context.rules.keep_pages))
    context.desk.deliver()
    return report


def _resolved(context: MonitorContext, report: Monitored) -> list[str]:
    if context.rules.resolve == "human":
        return []
    judged = {mark for part in report.parts.values() for mark in part.judged}
    present = {(finding.kind, finding.subject) for finding in report.findings}
    return context.desk.resolve_gone(
        report.pipeline, lambda kind, subject: _was_judged(kind, subject, judged), present, report.run_id
    )


def _was_judged(kind: str, subject: str, judged: set[str]) -> bool:
    """Whether this check looked at what an alert is about: `kind`, or `kind:part` where parts share a kind."""
    part = "source" if subject == "source" or subject.startswith("source/") else "features"
    return bool({kind, f"{kind}:{part}", f"{kind}:{subject}"} & judged)


def _retraining(context: MonitorContext, report: Monitored) -> tuple[bool, str]:
    cause = next(filter(_is_drift, report.findings), None)
    if cause is None:
        return False, "Nothing that asks for a retraining."
    if context.rules.retrain == "never":
        return False, "monitoring.retrain is never."
    if _training_now(context):
        return False, "A run of the pipeline is under way."
    about = {"model_version": context.champion.version, "reason": cause.message}
    if context.reports.claim_retraining(context.spec.name, context.run_id, context.rules.cooldown, about):
        return True, cause.message
    return False, f"A retraining was set off less than {in_words(context.rules.cooldown)} ago."


def _training_now(context: MonitorContext) -> bool:
    """Whether a run is under way; a record that nobody closed must not stand in the way for ever."""
    since = context.now - UNCLOSED
    runs = context.runs.find_runs(context.spec.name, limit=5)
    return any(run["status"] in {"queued", "running"} and run["created_at"] > since for run in runs)


def _is_drift(finding: Finding) -> bool:
    whole = finding.severity == "critical"
    return whole and ((finding.kind, finding.subject) in DRIFTS or (finding.kind, None) in DRIFTS)


PARTS: dict[str, Callable[[MonitorContext], Part]] = {
    "live": live_drift,
    "source": source_drift,
    "quality": live_quality,
    "coverage": interval_coverage,
}
"""What a check can look at, by the name in its report."""
