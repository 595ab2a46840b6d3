"""Which candidates a pipeline trains: those of its spec, and a dummy that each of them must beat."""

from __future__ import annotations

from millrace.estimators.base import Candidate
from millrace.estimators.others import Dummy
from millrace.spec.models import PipelineSpec

BASELINE = "baseline"


def all_candidates(spec: PipelineSpec) -> dict[str, Candidate]:
    """The candidates by label. A clustering has no baseline: without a target there is nothing to guess."""
    named = {candidate.label: candidate for candidate in spec.candidates}
    if spec.task in Dummy.tasks and not any(candidate.is_baseline for candidate in spec.candidates):
        label = BASELINE if BASELINE not in named else f"dummy-{BASELINE}"
        named[label] = Dummy.model_validate({"estimator": "dummy", "name": label})
    return named
