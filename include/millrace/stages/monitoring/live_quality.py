"""Watches what the champion is worth on live rows whose truth is known, and goes back to the champion before it.

The champion has fallen when its live interval lies wholly beyond its held-out interval. It gives way only after several
such checks in a row, to a champion that is surely better on the same rows, and not twice within one window.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import Field

from millrace.settings import Settings
from millrace.spec.models import PipelineSpec
from millrace.spec.monitoring import LiveQuality
from millrace.spec.promotion import Rollback
from millrace.stages.metrics.scoring import block_rows, bootstrap, interval, metrics
from millrace.stages.monitoring.judged_rows import JudgedRows, judged_rows
from millrace.stages.monitoring.predecessor import Predecessor, compared
from millrace.stores import champions
from millrace.stores.audit_log import MongoAuditLog
from millrace.stores.base import ModelRegistry, ModelVersion, RunStore
from millrace.stores.live_quality import LiveQualityStore
from millrace.stores.model_registry import MlflowRegistry
from millrace.stores.predictions import PredictionStore
from millrace.stores.runs import MongoRunStore
from millrace.strict import StrictModel

BY = "millrace (live quality)"
Outcome = Literal["off", "no_champion", "too_few", "good", "fallen", "kept", "rolled_back"]


@dataclass(frozen=True)
class LiveContext:
    """What a check works on. `now` is the end of its window."""

    spec: PipelineSpec
    registry: ModelRegistry
    runs: RunStore
    predictions: PredictionStore
    audit: MongoAuditLog
    state: LiveQualityStore
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    @classmethod
    def open(cls, spec: PipelineSpec, settings: Settings, now: datetime | None = None) -> LiveContext:
        """On the stores of one installation."""
        registry, runs, predictions = MlflowRegistry(settings), MongoRunStore(settings), PredictionStore(settings)
        audit, state = MongoAuditLog(settings), LiveQualityStore(settings)
        return cls(spec, registry, runs, predictions, audit, state, now or datetime.now(UTC))


class LiveVerdict(StrictModel):
    """What a check found and did. `is_alarm` where a person should look."""

    outcome: Outcome
    reason: str
    model: str
    version: str | None = None
    metric: str | None = None
    value: float | None = None
    interval: list[float] | None = Field(default=None, description="95 % interval of the live metric.")
    held_out: list[float] | None = Field(default=None, description="95 % interval on the held-out rows.")
    samples: int = 0
    strikes: int = Field(default=0, description="Checks in a row that found it fallen.")
    predecessor: dict[str, Any] | None = None

    @property
    def is_alarm(self) -> bool:
        """Whether the live quality has fallen, whatever was done about it."""
        return self.outcome in {"fallen", "kept", "rolled_back"}


def check_live_quality(context: LiveContext) -> LiveVerdict:
    """Check the champion once; moves the alias back where the spec's rule says so. Raises StorageError.

    A repetition finds another champion, and moves nothing.
    """
    spec, rule = context.spec, context.spec.promotion.rollback
    if rule is None:
        return LiveVerdict(outcome="off", reason="The spec has no promotion.rollback.", model=spec.name)
    champion = context.registry.champion(spec.name)
    if champion is None:
        return LiveVerdict(outcome="no_champion", reason="There is no champion to watch.", model=spec.name)
    since = context.now - rule.window
    found = context.predictions.judged(spec.name, since=since, until=context.now, version=champion.version)
    rows = judged_rows(spec, found)
    verdict = judged_quality(spec, context.runs, rule, champion, rows)
    return _acted(context, rule, champion, rows, verdict)


def judged_quality(
    spec: PipelineSpec, runs: RunStore, rule: Rollback | LiveQuality, champion: ModelVersion, rows: JudgedRows
) -> LiveVerdict:
    """`too_few`, `good` or `fallen`, with the figures."""
    metric = rule.metric or spec.metric
    about: dict[str, Any] = {"model": spec.name, "version": champion.version, "metric": metric, "samples": len(rows)}
    if len(rows) < rule.min_samples:
        left_out = f" ({rows.unusable:,} with a truth of another form)" if rows.unusable else ""
        reason = f"{len(rows):,} live rows have a known truth{left_out}; {rule.min_samples:,} are needed."
        return LiveVerdict(outcome="too_few", reason=reason, **about)
    held_out = ((runs.model_record(spec.name, champion.version) or {}).get("intervals") or {}).get(metric)
    if held_out is None:
        reason = f"Version {champion.version} has no held-out interval of {metric} to compare with: train it again."
        return LiveVerdict(outcome="too_few", reason=reason, **about)
    value = metrics(str(spec.task), rows.truth, rows.answer, spec.targets)[metric]
    block = block_rows(len(rows), in_time=True)
    samples = bootstrap(str(spec.task), rows.truth, {"live": rows.answer}, 0, metric=metric, block=block)
    live = interval(samples["live"][metric])
    fallen = beyond(live, held_out, rule.tolerance, greater_is_better=spec.is_greater_better(metric))
    told = f"live {metric} {value:.4g} ({live[0]:.4g} to {live[1]:.4g}) of {len(rows):,} rows"
    against = f"held-out {held_out[0]:.4g} to {held_out[1]:.4g}"
    reason = f"{told} {'is worse than' if fallen else 'keeps up with'} {against}."
    return LiveVerdict(
        outcome="fallen" if fallen else "good",
        reason=f"Version {champion.version}: {reason}",
        value=value,
        interval=live,
        held_out=held_out,
        **about,
    )


def beyond(live: list[float], held_out: list[float], tolerance: float, *, greater_is_better: bool) -> bool:
    """Whether the live interval lies wholly on the worse side of the held-out one, by more than the tolerance."""
    if greater_is_better:
        return live[1] < held_out[0] - tolerance * abs(held_out[0])
    return live[0] > held_out[1] + tolerance * abs(held_out[1])


def _acted(
    context: LiveContext, rule: Rollback, champion: ModelVersion, rows: JudgedRows, verdict: LiveVerdict
) -> LiveVerdict:
    if verdict.outcome == "too_few":  # says nothing: what was found before stands
        return verdict
    fallen = verdict.outcome == "fallen"
    strikes = context.state.note(context.spec.name, champion.version, context.now, fallen=fallen)
    verdict = verdict.model_copy(update={"strikes": strikes})
    if not fallen:
        return verdict
    if strikes < rule.checks:
        return _because(verdict, "fallen", f"It is check {strikes} of {rule.checks} in a row that finds it so.")
    if _came_back(context, rule, champion):
        return _because(verdict, "kept", "It was rolled back within the window already.")
    before = compared(context.spec, context.registry, context.runs, champion.version, rows, str(verdict.metric))
    verdict = verdict.model_copy(update={"predecessor": None if before is None else before.as_document()})
    if before is None or not before.is_better:
        return _because(verdict, "kept", "There is no champion before it." if before is None else before.reason)
    return _rolled_back(context, champion, before, verdict)


def _came_back(context: LiveContext, rule: Rollback, champion: ModelVersion) -> bool:
    """Whether an earlier check made this version the champion, within the window."""
    record = context.runs.model_record(context.spec.name, champion.version) or {}
    return record.get("champion_by") == BY and record["champion_since"] > context.now - rule.window


def _rolled_back(
    context: LiveContext, champion: ModelVersion, before: Predecessor, verdict: LiveVerdict
) -> LiveVerdict:
    name = context.spec.name
    done = _because(verdict, "rolled_back", before.reason)
    # As for every change: what cannot be recorded does not happen.
    context.audit.append(
        {
            "who": BY,
            "kind": "service",
            "address": None,
            "request_id": None,
            "action": "models.rollback",
            "target": name,
            "before": {"champion": champion.version},
            "after": {"champion": before.version},
            "reason": done.reason,
        }
    )
    move = champions.roll_back(context.registry, context.runs, name, BY, only_from=champion.version)
    if not move.moved:
        return _because(verdict, "kept", f"Somebody was quicker: version {move.champion} is the champion now.")
    context.runs.record_decision(
        {
            "_id": f"{name}/{champion.version}/{context.now.isoformat()}/live_quality",
            "model": name,
            "version": champion.version,
            "kind": "live_quality",
            "by": BY,
            "at": context.now,
            **done.model_dump(exclude={"model", "version"}),
        }
    )
    return done


def _because(verdict: LiveVerdict, outcome: Outcome, why: str) -> LiveVerdict:
    return verdict.model_copy(update={"outcome": outcome, "reason": f"{verdict.reason} {why}"})
