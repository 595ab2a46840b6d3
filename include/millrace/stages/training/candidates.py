"""Which candidates a pipeline trains: those of its spec, and a dummy that each of them must beat."""

from __future__ import annotations

from millrace.estimators.base import Candidate
from millrace.estimators.others import Dummy
from millrace.forecasting.candidates import SeasonalNaive
from millrace.spec.models import PipelineSpec

BASELINE = "baseline"


def all_candidates(spec: PipelineSpec) -> dict[str, Candidate]:
    """The candidates by label. A clustering has no baseline: without a target there is nothing to guess."""
    if spec.task == "forecast":
        return _with_seasonal_naive(spec)
    named = {candidate.label: candidate for candidate in spec.candidates}
    if spec.task in Dummy.tasks and not any(candidate.is_baseline for candidate in spec.candidates):
        label = BASELINE if BASELINE not in named else f"dummy-{BASELINE}"
        named[label] = Dummy.model_validate({"estimator": "dummy", "name": label})
    return named


def _with_seasonal_naive(spec: PipelineSpec) -> dict[str, Candidate]:
    """The forecasters by label; the value of a season ago is always among them."""
    named = {candidate.label: candidate for candidate in spec.candidates}
    if not any(isinstance(candidate, SeasonalNaive) for candidate in spec.candidates):
        label = BASELINE if BASELINE not in named else f"seasonal-{BASELINE}"
        named[label] = SeasonalNaive.model_validate({"estimator": "seasonal_naive", "name": label})
    return named
