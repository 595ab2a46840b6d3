"""What a person's answer, or silence, does to the version that waits: it becomes the champion, or stays challenger.

Who asks, and how long, belongs to the scheduler. An approval counts only for the comparison that it was given for.
"""

from __future__ import annotations

from pydantic import Field

from millrace.settings import get_settings
from millrace.spec.models import PipelineSpec
from millrace.stages.base import RunContext, run_stage
from millrace.stages.decisions import keep
from millrace.stages.outputs import Registered
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
    outcome: str = Field(description="promoted, rejected, or stale: the champion is another than the compared one.")
    reason: str
    model_version: str
    by: str


def settle(context: RunContext, registered: Registered, answer: Answer) -> Settled:
    """Apply the answer; done again it leaves the same state. Raises StorageError."""
    return run_stage(context, STAGE, Settled, lambda: _locked(context, registered, answer))


def _locked(context: RunContext, registered: Registered, answer: Answer) -> Settled:
    with context.runs.lock(f"champion/{context.spec.name}", context.run_id):
        settled = _settled(context, registered, answer)
        version = next(
            known for known in context.registry.versions(context.spec.name) if known.version == settled.model_version
        )
        _keep(context, version, settled)
        return settled


def _settled(context: RunContext, registered: Registered, answer: Answer) -> Settled:
    version, name = str(registered.model_version), context.spec.name
    by = answer.by or f"nobody, in {context.spec.promotion.approval_timeout}"
    champion = context.registry.champion(name)
    present = champion.version if champion else None
    compared = (registered.decision.get("champion") or {}).get("version")

    def told(outcome: str, reason: str) -> Settled:
        done = outcome == "promoted"
        return Settled(promoted=done, outcome=outcome, reason=reason, model_version=version, by=by)

    if not answer.approved:
        which = "is the champion by another way" if present == version else "stays challenger"
        return told("rejected", f"Not promoted: {_said(context.spec, answer, 'rejected')}; version {version} {which}.")
    if present not in {compared, version}:
        reason = f"Not promoted: the champion is version {present or 'none'} now, and {compared or 'none'} was compared"
        return told("stale", f"{reason} when it was {_said(context.spec, answer, 'approved')}. Run the pipeline again.")
    return told("promoted", f"Promoted: {_said(context.spec, answer, 'approved')}.")


def _said(spec: PipelineSpec, answer: Answer, verb: str) -> str:
    if answer.by is not None:
        return f"{verb} by {answer.by}"
    return f"{verb} as declared (on_timeout), since nobody answered in {spec.promotion.approval_timeout}"


def _keep(context: RunContext, version: ModelVersion, settled: Settled) -> None:
    told = {"outcome": settled.outcome, "reason": settled.reason}
    MongoAuditLog(get_settings()).append(
        {
            "who": settled.by,
            "kind": "airflow",
            "address": None,
            "request_id": None,
            "action": f"models.approval.{settled.outcome}",
            "target": version.name,
            "before": None,
            "after": {"version": version.version, "run_id": context.run_id},
        }
    )
    keep(context, "approval", version, told, settled.by)
    mark = {"promoted": settled.promoted, "reason": settled.reason}
    if settled.promoted:
        context.registry.set_alias(version.name, "champion", version.version)
        mark |= {"champion_by": settled.by, "champion_how": "approved"}
    context.runs.record_model({"name": version.name, "version": version.version, **mark})
