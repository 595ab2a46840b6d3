"""Keeps a decision with its evidence wherever somebody may look for it: artifact, MLflow tags, platform's record.

The run record has it too, as the output of the stage that decided. What is decided belongs to `promotion`.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from millrace.stages.base import RunContext
from millrace.stages.registration.promotion_rule import Contest, Decision
from millrace.stores.base import ModelVersion

OUTCOME_TAG, REASON_TAG, EVIDENCE_TAG = "millrace.promotion", "millrace.promotion_reason", "millrace.promotion_evidence"


def evidence(context: RunContext, contest: Contest | None, decision: Decision) -> dict[str, Any]:
    """The decision and all that it was made from, as JSON."""
    document: dict[str, Any] = {"outcome": decision.outcome, "reason": decision.reason}
    if contest is None:
        return document
    version, value = contest.champion or (None, None)
    gain = contest.improvement
    return {
        **document,
        "rule": context.spec.promotion.model_dump(mode="json"),
        "metric": context.spec.metric,
        "value": contest.value,
        "champion": None if version is None else {"version": version, "value": value},
        "improvement": None if gain is None else gain.model_dump(),
        "latency_ms": contest.latency_ms,
        "size_bytes": contest.size_bytes,
        "checks": [check.model_dump() for check in decision.checks],
    }


def keep(context: RunContext, kind: str, version: ModelVersion, told: dict[str, Any], by: str) -> dict[str, Any]:
    """Write the decision of this run; done again it leaves the same state. Returns it with the artifact's address."""
    content = json.dumps({"model": version.name, "version": version.version, **told}, indent=1).encode()
    uri = context.artifacts.put_bytes(f"runs/{context.run_id}/{kind}.json", content, "application/json")
    tags = {OUTCOME_TAG: told["outcome"], REASON_TAG: told["reason"], EVIDENCE_TAG: uri}
    context.registry.tag_version(version.name, version.version, tags)
    context.runs.record_decision(
        {
            "_id": f"{version.name}/{context.run_id}/{kind}",
            "model": version.name,
            "version": version.version,
            "kind": kind,
            "run_id": context.run_id,
            "by": by,
            "at": datetime.now(UTC),
            "uri": uri,
            **told,
        }
    )
    return {**told, "uri": uri}
