"""The promotion rule: when a new version becomes the champion, said in one sentence. It touches no store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from millrace.spec.models import PipelineSpec


@dataclass(frozen=True)
class Contest:
    """What the rule looks at. `champion` is the present champion's version and metric; None without one.

    A champion that could not be scored has the metric None and is no hurdle. `baseline` is the baseline's metric and
    the candidate's own by cross-validation; None where there is no baseline.
    """

    value: float | None
    champion: tuple[str, float | None] | None = None
    is_baseline: bool = False
    beats_baseline: bool = True


@dataclass(frozen=True)
class Decision:
    """The alias that the new version gets, if any, and why."""

    alias: Literal["champion", "challenger"] | None
    reason: str


def decide(spec: PipelineSpec, contest: Contest, version: str) -> Decision:
    """Apply the spec's rule to the new version."""
    refusal = _refusal(spec, contest)
    if refusal is not None:
        return Decision(None, f"Not promoted: {refusal}.")
    merit = _merit(spec, contest)
    if spec.promotion.approval == "human":
        command = f"millrace models promote {spec.name} {version}"
        return Decision("challenger", f"Waits as challenger for a person: {merit}; '{command}' makes it the champion.")
    return Decision("champion", f"Promoted: {merit}.")


def _refusal(spec: PipelineSpec, contest: Contest) -> str | None:
    metric, limit, value = spec.metric, spec.promotion.limit, contest.value
    if contest.is_baseline:
        return "the baseline is never promoted"
    if not contest.beats_baseline:
        return f"its cross-validated {metric} does not beat the baseline"
    if value is None:
        return f"its {metric} cannot be computed on the held-out rows"
    if limit is not None and _better(spec, limit, value):
        return f"{metric} {value:.4g} misses the limit {limit:g}"
    version, standing = contest.champion or ("", None)
    if standing is not None:
        needed = spec.promotion.min_improvement
        gain = (value - standing) if spec.greater_is_better else (standing - value)
        if gain <= needed:
            more = f" by more than {needed:g}" if needed else ""
            return f"{metric} {value:.4g} is not better than the champion's {standing:.4g} (version {version}){more}"
    return None


def _merit(spec: PipelineSpec, contest: Contest) -> str:
    said = f"{spec.metric} {contest.value:.4g}"
    if spec.promotion.limit is not None:
        said += f" is within the limit {spec.promotion.limit:g}"
    if contest.champion is None:
        return f"{said}, and there was no champion"
    version, standing = contest.champion
    if standing is None:
        return f"{said}, and the champion (version {version}) could not be scored on these rows"
    return f"{said}, better than the champion's {standing:.4g} (version {version})"


def _better(spec: PipelineSpec, one: float, other: float) -> bool:
    return one > other if spec.greater_is_better else one < other
