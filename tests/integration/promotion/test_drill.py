"""The promotion drill, with real fits: only what is surely better is promoted, not what noise makes better."""

from __future__ import annotations

import json
from typing import Any

import pytest

pytestmark = pytest.mark.integration
WEAK = {"estimator": "random_forest", "params": {"n_estimators": 10, "max_depth": 2}}


def forest(trees: int, depth: int = 6) -> dict[str, Any]:
    return {"estimator": "random_forest", "params": {"n_estimators": trees, "max_depth": depth}}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_only_what_is_surely_better_is_promoted(bench: Any, seed: int) -> None:
    frame = bench.table(rows=600, seed=seed, noise=3.0)

    def run(candidate: dict[str, Any]) -> Any:
        return bench.run(bench.spec(candidates=[candidate]), frame)[2]

    assert run(WEAK).promoted
    better = run(forest(30))
    assert better.promoted, better.reason
    assert better.decision["improvement"]["low"] > 0
    alike = [run(forest(trees)) for trees in (24, 28, 36)]
    assert not any(one.promoted for one in alike)
    gains = [one.decision["improvement"]["value"] for one in alike]
    assert max(gains) > 0, "neither is nominally better: this shows nothing"
    nominally_better = alike[gains.index(max(gains))]
    assert "but not beyond the noise" in nominally_better.reason
    worse = run(forest(9, depth=2))
    assert not worse.promoted
    assert "is not better than the champion's" in worse.reason
    assert bench.registry.champion("weather").version == better.model_version


def test_a_decision_is_kept_with_its_evidence_wherever_somebody_may_look(bench: Any) -> None:
    bench.run(bench.spec(candidates=[WEAK]), bench.table())
    rule = {"max_latency_ms": 1000, "max_size_mb": 10, "limit": 50}
    context, _, registered = bench.run(bench.spec(promotion=rule), bench.table())
    decision = registered.decision
    assert [check["name"] for check in decision["checks"]] == [
        "baseline", "metric", "limit", "improvement", "latency", "size",
    ]  # fmt: skip
    assert all(check["passed"] for check in decision["checks"])
    assert 0 < decision["latency_ms"] < 1000
    assert decision["size_bytes"] > 100
    assert json.loads(bench.artifacts.get_bytes(decision["uri"]))["improvement"] == decision["improvement"]
    version = bench.registry.champion("weather")
    assert version.tags["millrace.promotion"] == "promoted"
    assert version.tags["millrace.promotion_reason"] == registered.reason
    assert version.tags["millrace.promotion_evidence"] == decision["uri"]
    kept = bench.runs.decisions("weather")[0]
    assert (kept["version"], kept["outcome"], kept["run_id"]) == ("2", "promoted", context.run_id)


@pytest.mark.parametrize(
    ("rule", "told"),
    [({"max_latency_ms": 1e-6}, "one row takes"), ({"max_size_mb": 1e-6}, "MB, where 1e-06 are allowed")],
)
def test_a_model_that_is_too_slow_or_too_large_is_not_promoted(bench: Any, rule: dict[str, Any], told: str) -> None:
    registered = bench.run(bench.spec(promotion=rule), bench.table())[2]
    assert not registered.promoted
    assert told in registered.reason


def test_below_zero_an_improvement_says_how_much_worse_is_still_welcome(bench: Any) -> None:
    frame = bench.table(rows=600, noise=3.0)
    bench.run(bench.spec(candidates=[forest(30)]), frame)
    spec = bench.spec(candidates=[forest(28)], promotion={"min_improvement": -0.2})
    assert bench.run(spec, frame)[2].promoted
    worse = bench.spec(candidates=[WEAK], promotion={"min_improvement": -0.2})
    assert not bench.run(worse, frame)[2].promoted
