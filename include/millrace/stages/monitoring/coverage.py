"""How often the intervals of a forecast have held, for the times of the window whose true value is known by now."""

from __future__ import annotations

from math import sqrt

from millrace.spec.monitoring import Coverage
from millrace.stages.monitoring.context import MonitorContext, Part
from millrace.stores.alerts import Finding

KIND = "interval_coverage"
SURPRISE = 2.58
"""Standard errors that chance exceeds once in a hundred checks."""


def interval_coverage(context: MonitorContext) -> Part:
    """Whether the coverage is where the spec's level wants it."""
    rule, plan = context.rules.coverage or Coverage(), context.spec.forecast
    figures = context.runs.forecast_quality(context.spec.name, context.since, context.now)
    count, covered = figures["count"], figures["coverage"]
    if plan is None or count < rule.min_samples:
        return Part(
            notes=[f"The truth of {count:,} forecasts in the window is known; too few to judge."], figures=figures
        )
    level = plan.intervals.level
    # The steps of one forecast rise and fall together: they count as one, not as many.
    allowed = rule.tolerance + SURPRISE * sqrt(level * (1 - level) * plan.horizon / count)
    figures = {**figures, "level": level, "allowed": allowed}
    if abs(covered - level) <= allowed:
        return Part(judged=[KIND], figures=figures)
    finding = Finding(
        kind=KIND,
        subject="interval",
        severity="critical" if covered < level else "warning",
        message=f"The intervals of {level:.0%} held {covered:.1%} of {count:,} true values; "
        f"{max(0.0, level - allowed):.1%} to {min(1.0, level + allowed):.1%} would be no surprise.",
        details=figures,
    )
    return Part(judged=[KIND], findings=[finding], figures=figures)
