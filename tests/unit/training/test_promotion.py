"""The promotion rule, case by case."""

from __future__ import annotations

import re
from typing import Any

import pytest

from millrace.spec.models import PipelineSpec
from millrace.stages.registration.promotion_rule import Contest, decide


def spec_of(metric: str = "rmse", **promotion: Any) -> PipelineSpec:
    return PipelineSpec.model_validate(
        {
            "name": "co",
            "source": {"type": "sample", "name": "air_quality"},
            "task": "regression",
            "target": "y",
            "candidates": [{"estimator": "ridge"}],
            "promotion": {"metric": metric, **promotion},
        }
    )


@pytest.mark.parametrize(
    ("spec", "contest", "alias", "told"),
    [
        (spec_of(), Contest(0.5), "champion", "there was no champion"),
        (spec_of(limit=0.5), Contest(0.5), "champion", "within the limit 0.5"),
        (spec_of(limit=0.4), Contest(0.5), None, "misses the limit 0.4"),
        (spec_of("r2", limit=0.8), Contest(0.7), None, "misses the limit"),
        (spec_of(), Contest(0.5, ("3", 0.5)), None, "not better than the champion's 0.5 \\(version 3\\)"),
        (spec_of(), Contest(0.49, ("3", 0.5)), "champion", "better than the champion's 0.5"),
        (spec_of(min_improvement=0.02), Contest(0.49, ("3", 0.5)), None, "by more than 0.02"),
        (spec_of("r2"), Contest(0.9, ("3", 0.8)), "champion", "better"),
        (spec_of("r2"), Contest(0.8, ("3", 0.9)), None, "not better"),
        (spec_of(), Contest(0.5, ("3", None)), "champion", "could not be scored"),
        (spec_of(), Contest(None), None, "cannot be computed"),
        (spec_of(), Contest(0.1, is_baseline=True), None, "baseline is never promoted"),
        (spec_of(), Contest(0.1, beats_baseline=False), None, "does not beat the baseline"),
        (spec_of(approval="human"), Contest(0.1), "challenger", "millrace models promote co 7"),
        (spec_of(approval="human", limit=0.05), Contest(0.1), None, "misses the limit"),
    ],
)
def test_the_rule(spec: PipelineSpec, contest: Contest, alias: str | None, told: str) -> None:
    decision = decide(spec, contest, "7")
    assert decision.alias == alias
    assert re.search(told, decision.reason)
    assert decision.reason.endswith(".")
