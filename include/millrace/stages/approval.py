"""What a person's answer, or silence, does to the version that waits: it becomes the champion, or stays challenger.

Who asks, and how long, belongs to the scheduler. An approval counts only for the comparison that it was given for, and
what was answered about a version is not asked again while the same champion stands.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

from millrace.spec.duration import in_words
from millrace.spec.models import PipelineSpec
from millrace.stages.base import RunContext, run_stage
from millrace.stages.outputs import Registered
from millrace.stages.registration.decisions import keep
from millrace.stages.registration.promotion_rule import Decision
from millrace.stores.audit_log import MongoAuditLog
from millrace.stores.base import ModelVersion
from millrace.strict import StrictModel

STAGE = "promote"


class Answer(StrictModel):
    """What was said, and by whom; `by` is None where nobody answered in time."""

    approved: bool
    by: str | None = None


class Settled(StrictModel):
    """What became of the version that waited."""

    promoted: bool
    outcome: str = Field(
        description="promoted, rejected, expired (no one answered), or stale: another champion than the compared one, "
        "or a later version that waits in this one's place."
    )
    reason: str
    model_version: str
    by: str


def settle(context: RunContext, audit: MongoAuditLog, registered: Registered, answer: Answer) -> Settled:
    """Apply the answer; done again it leaves the same state. Raises StorageError."""
    return run_stage(context, STAGE, Settled, lambda: _locked(context, audit, registered, answer))


def _locked(context: RunContext, audit: MongoAuditLog, registered: Registered, answer: Answer) -> Settled:
    with context.runs.lock(f"champion/{context.spec.name}", context.run_id):
        settled = _settled(context, registered, answer)
        version = next(
            known for known in context.registry.versions(context.spec.name) if known.version == settled.model_version
        )
        _record(audit, context, settled)
        _keep(context, version, compared_with(registered.decision), settled)
        return settled


def _settled(context: RunContext, registered: Registered, answer: Answer) -> Settled:
    version, present = str(registered.model_version), _alias(context, "champion")

    def told(outcome: str, reason: str) -> Settled:
        by = answer.by or f"nobody, in {_patience(context.spec)}"
        done = outcome == "promoted"
        return Settled(promoted=done, outcome=outcome, reason=reason, model_version=version, by=by)

    if not answer.approved:
        which = "is the champion by another way" if present == version else "stays challenger"
        outcome, said = ("rejected", f"rejected by {answer.by}") if answer.by else ("expired", _silence(context.spec))
        return told(outcome, f"Not promoted: {said}; version {version} {which}.")
    stale = _stale(context, registered, present)
    if stale is not None:
        return told("stale", f"Not promoted, though {_approved(context.spec, answer)}: {stale}")
    return told("promoted", f"Promoted: {_approved(context.spec, answer)}.")


def _stale(context: RunContext, registered: Registered, present: str | None) -> str | None:
    """Why an approval does not count any more; None where the world is still the one that was shown."""
    version, compared = registered.model_version, compared_with(registered.decision)
    if present == version:
        return None
    if present != compared:
        now = f"the champion is version {present} now" if present else "there is no champion any more"
        return (
            f"{now}, and it was compared with {f'version {compared}' if compared else 'none'}. Run the pipeline again."
        )
    waits = _alias(context, "challenger")
    if waits not in {None, version}:
        return f"version {waits} of a later run waits in its place. Answer the question about that one."
    return None


def compared_with(decision: dict[str, Any]) -> str | None:
    """The version of the champion that a decision compared with; None without one."""
    version: str | None = (decision.get("champion") or {}).get("version")
    return version


def answered_before(context: RunContext, decision: Decision, version: ModelVersion, champion: str | None) -> Decision:
    """The decision, unless a person has refused this version against this champion already, or nobody wanted it."""
    if decision.outcome != "waiting":
        return decision
    kept = context.runs.decisions(version.name, limit=100)
    answers = (one for one in kept if one["kind"] == "approval" and one["version"] == version.version)
    last = next(answers, None)
    if last is None or last["outcome"] not in {"rejected", "expired"} or last.get("compared") != champion:
        return decision
    reason = f"Not asked again about the same version {version.version}, against the same champion: {last['reason']}"
    return decision.model_copy(update={"alias": None, "reason": reason})


def _approved(spec: PipelineSpec, answer: Answer) -> str:
    if answer.by is not None:
        return f"approved by {answer.by}"
    return f"approved as declared (on_timeout), since no one answered within {_patience(spec)}"


def _silence(spec: PipelineSpec) -> str:
    return f"no one approved within {_patience(spec)}"


def _patience(spec: PipelineSpec) -> str:
    return in_words(spec.promotion.approval_timeout)


def _alias(context: RunContext, alias: str) -> str | None:
    return context.registry.aliases().get(context.spec.name, {}).get(alias)


def _record(audit: MongoAuditLog, context: RunContext, settled: Settled) -> None:
    """As for every change: what cannot be recorded does not happen."""
    audit.append(
        {
            "who": settled.by,
            "kind": "airflow",
            "address": None,
            "request_id": None,
            "action": f"models.approval.{settled.outcome}",
            "target": context.spec.name,
            "before": None,
            "after": {"version": settled.model_version, "run_id": context.run_id},
        }
    )


def _keep(context: RunContext, version: ModelVersion, compared: str | None, settled: Settled) -> None:
    told = {"outcome": settled.outcome, "reason": settled.reason, "compared": compared}
    keep(context, "approval", version, told, settled.by)
    mark = {"promoted": settled.promoted, "reason": settled.reason}
    if settled.promoted:
        context.registry.set_alias(version.name, "champion", version.version)
        mark |= {"champion_by": settled.by, "champion_how": "approved"}
    context.runs.record_model({"name": version.name, "version": version.version, **mark})
