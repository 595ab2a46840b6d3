"""The promotion rule: when a new version becomes the champion, check by check, and in one sentence.

It touches no store. Each check is a function of the spec and the contest; a new one is an entry in `CHECKS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from millrace.spec.models import PipelineSpec
from millrace.stages.metrics.improvement import Improvement
from millrace.strict import StrictModel

MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Contest:
    """What the rule looks at. `champion` is the present champion's version and metric; None without one.

    A champion that could not be scored has the metric None and is no hurdle. `improvement` is None where the metric
    has no resamples: then the metrics themselves are compared.
    """

    value: float | None
    champion: tuple[str, float | None] | None = None
    improvement: Improvement | None = None
    is_baseline: bool = False
    beats_baseline: bool = True
    latency_ms: float | None = None
    size_bytes: int | None = None
    was_left: bool = False
    """Whether the version was champion once and was rolled back from."""


class Check(StrictModel):
    """One part of the rule: whether it held, and what was found, as the rest of a sentence."""

    name: str
    passed: bool
    found: str


class Decision(StrictModel):
    """The alias that the new version gets, if any, and why."""

    alias: Literal["champion", "challenger"] | None
    reason: str
    checks: list[Check] = Field(default_factory=list)

    @property
    def outcome(self) -> str:
        """`promoted`, `waiting` for a person, or `refused`."""
        return {"champion": "promoted", "challenger": "waiting"}.get(str(self.alias), "refused")


def decide(spec: PipelineSpec, contest: Contest, version: str) -> Decision:
    """Apply the spec's rule to the new version."""
    checks = [check for rule in CHECKS if (check := rule(spec, contest)) is not None]
    refusal = next((check for check in checks if not check.passed), None)
    if refusal is not None:
        return Decision(alias=None, reason=f"Not promoted: {refusal.found}.", checks=checks)
    merit = _merit(spec, contest)
    if spec.promotion.approval == "human":
        command = f"millrace models promote {spec.name} {version}"
        reason = f"Waits as challenger for a person: {merit}; '{command}' makes it the champion."
        return Decision(alias="challenger", reason=reason, checks=checks)
    return Decision(alias="champion", reason=f"Promoted: {merit}.", checks=checks)


def _baseline(spec: PipelineSpec, contest: Contest) -> Check:
    if contest.is_baseline:
        return Check(name="baseline", passed=False, found="the baseline is never promoted")
    verb = "beats" if contest.beats_baseline else "does not beat"
    found = f"its cross-validated {spec.metric} {verb} the baseline"
    return Check(name="baseline", passed=contest.beats_baseline, found=found)


def _measured(spec: PipelineSpec, contest: Contest) -> Check:
    if contest.value is None:
        found = f"its {spec.metric} cannot be computed on the held-out rows"
        return Check(name="metric", passed=False, found=found)
    return Check(name="metric", passed=True, found=f"{spec.metric} {contest.value:.4g} on the held-out rows")


def _limit(spec: PipelineSpec, contest: Contest) -> Check | None:
    limit, value = spec.promotion.limit, contest.value
    if limit is None or value is None:
        return None
    missed = limit > value if spec.greater_is_better else limit < value
    verb = "misses" if missed else "is within"
    return Check(name="limit", passed=not missed, found=f"{spec.metric} {value:.4g} {verb} the limit {limit:g}")


def _improvement(spec: PipelineSpec, contest: Contest) -> Check | None:
    version, standing = contest.champion or ("", None)
    if standing is None or contest.value is None:
        return None
    needed = spec.promotion.min_improvement
    gain = (contest.value - standing) if spec.greater_is_better else (standing - contest.value)
    than = f"{spec.metric} {contest.value:.4g} is {{}} than the champion's {standing:.4g} (version {version})"
    if gain <= needed:
        more = f" by more than {needed:g}" if needed else ""
        return Check(name="improvement", passed=False, found=than.format("not better") + more)
    if contest.improvement is None:
        return Check(name="improvement", passed=True, found=than.format("better"))
    passed = contest.improvement.low > needed
    noise = "" if passed else ", but not beyond the noise"
    word = "better" if gain > 0 else "hardly worse"
    return Check(name="improvement", passed=passed, found=f"{than.format(word)}{noise}: {contest.improvement}")


def _latency(spec: PipelineSpec, contest: Contest) -> Check | None:
    most, found = spec.promotion.max_latency_ms, contest.latency_ms
    if most is None:
        return None
    if found is None:
        return Check(name="latency", passed=False, found="its time for one answer was never measured")
    verb = "takes" if found > most else "keeps within"
    answer = "one forecast of all series" if spec.task == "forecast" else "one row"
    told = f"{answer} {verb} {found:.3g} ms, where {most:g} ms are allowed"
    return Check(name="latency", passed=found <= most, found=told)


def _size(spec: PipelineSpec, contest: Contest) -> Check | None:
    most = spec.promotion.max_size_mb
    if most is None:
        return None
    if contest.size_bytes is None:
        return Check(name="size", passed=False, found="its size was never measured")
    found = contest.size_bytes / MEGABYTE
    return Check(name="size", passed=found <= most, found=f"the model has {found:.3g} MB, where {most:g} are allowed")


def _not_left(spec: PipelineSpec, contest: Contest) -> Check | None:
    if not contest.was_left:
        return None
    found = "it has been champion and was rolled back from; a person may promote it again"
    return Check(name="not_rolled_back", passed=False, found=found)


CHECKS: tuple[Callable[[PipelineSpec, Contest], Check | None], ...] = (
    _baseline,
    _measured,
    _not_left,
    _limit,
    _improvement,
    _latency,
    _size,
)
"""The parts of the rule in their order; the first that does not hold gives the reason. None: not asked for."""


def _merit(spec: PipelineSpec, contest: Contest) -> str:
    said = f"{spec.metric} {contest.value:.4g}"
    if spec.promotion.limit is not None:
        said += f" is within the limit {spec.promotion.limit:g}"
    if contest.champion is None:
        return f"{said}, and there was no champion"
    version, standing = contest.champion
    if standing is None:
        return f"{said}, and the champion (version {version}) could not be scored on these rows"
    if contest.improvement is None:
        return f"{said}, better than the champion's {standing:.4g} (version {version})"
    word = "better" if contest.improvement.value > 0 else "not much worse"
    return f"{said}, {word} than the champion's {standing:.4g} (version {version}): {contest.improvement}"
