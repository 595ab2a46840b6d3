"""What the champion is worth on the live rows whose truth is known; where the spec says so, it is rolled back."""

from __future__ import annotations

from millrace.spec.monitoring import LiveQuality
from millrace.spec.promotion import Rollback
from millrace.stages.monitoring.context import MonitorContext, Part
from millrace.stages.monitoring.judged_rows import judged_rows
from millrace.stages.monitoring.live_quality import LiveContext, LiveVerdict, check_live_quality, judged_quality
from millrace.stores.alerts import Finding

KIND = "live_quality"


def live_quality(context: MonitorContext) -> Part:
    """The verdict on the champion: by the rule of a rollback where there is one, else by that of monitoring."""
    rollback = context.spec.promotion.rollback
    if rollback is not None and context.act:
        verdict = check_live_quality(LiveContext.open(context.spec, context.settings, context.now))
    else:
        verdict = _judged(context, rollback or context.rules.live_quality or LiveQuality())
    figures = verdict.model_dump(mode="json")
    if verdict.outcome in {"too_few", "no_champion"}:
        return Part(notes=[verdict.reason], figures=figures)
    if not verdict.is_alarm:
        return Part(judged=[KIND], figures=figures)
    finding = Finding(
        kind=KIND,
        subject=str(verdict.metric),
        severity="critical",
        message=verdict.reason,
        details={name: figures[name] for name in ("outcome", "value", "interval", "held_out", "samples", "version")},
    )
    return Part(judged=[KIND], findings=[finding], figures=figures)


def _judged(context: MonitorContext, rule: Rollback | LiveQuality) -> LiveVerdict:
    champion, spec = context.champion, context.spec
    since = context.now - (rule.window if isinstance(rule, Rollback) else context.rules.window)
    found = context.predictions.judged(spec.name, since=since, until=context.now, version=champion.version)
    return judged_quality(spec, context.runs, rule, champion, judged_rows(spec, found))
