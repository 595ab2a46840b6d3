"""A champion whose live quality falls gives way, once and surely; one that holds, or falls for all, does not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from millrace.stages.monitoring.live_quality import BY, LiveContext, LiveVerdict, beyond, check_live_quality
from millrace.stores import champions

pytestmark = pytest.mark.integration
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
WEAK = [{"estimator": "random_forest", "params": {"n_estimators": 5, "max_depth": 3}}]
RULE = {"window": "6h", "min_samples": 100, "checks": 2}


@pytest.fixture(scope="module")
def trained(standing: Any) -> Any:
    """Version 1 is a straight line; version 2, promoted by a person, a forest that goes no further than what it saw."""
    frame = standing.table()
    standing.run(standing.spec(), frame)
    standing.run(standing.spec(candidates=WEAK), frame)
    assert [version.version for version in standing.registry.versions("weather")] == ["2", "1"]
    champions.promote(standing.registry, standing.runs, "weather", "2", "ann")
    return standing


@pytest.fixture
def watched(trained: Any, twin: Any) -> Any:
    return twin(trained)


def check(bench: Any, at: datetime, **rule: Any) -> LiveVerdict:
    spec = bench.spec(promotion={"rollback": {**RULE, **rule}})
    stores = (bench.registry, bench.runs, bench.predictions, bench.audit, bench.state)
    return check_live_quality(LiveContext(spec, *stores, now=at))


def test_it_is_off_unless_the_spec_asks_for_it(bench: Any) -> None:
    stores = (bench.registry, bench.runs, bench.predictions, bench.audit, bench.state)
    assert check_live_quality(LiveContext(bench.spec(), *stores)).outcome == "off"
    assert check(bench, NOON).outcome == "no_champion"


def test_a_fallen_champion_gives_way_after_two_checks_and_only_once(watched: Any) -> None:
    shifted = watched.table(rows=300, seed=5, warmer=15)
    watched.serve("2", shifted, NOON)
    assert check(watched, NOON - timedelta(hours=1)).outcome == "too_few"
    first = check(watched, NOON + timedelta(minutes=1))
    assert (first.outcome, first.strikes) == ("fallen", 1), first.reason
    assert watched.registry.champion("weather").version == "2"
    again = check(watched, NOON + timedelta(minutes=1))
    assert (again.outcome, again.strikes) == ("fallen", 1)  # the same check, tried again
    second = check(watched, NOON + timedelta(minutes=2))
    assert second.outcome == "rolled_back", second.reason
    assert second.is_alarm
    assert second.predecessor["gain"][0] > 0
    champion = watched.registry.champion("weather")
    assert champion.version == "1"
    assert check(watched, NOON + timedelta(minutes=3)).outcome == "too_few"  # of version 1 nothing is known yet

    told = watched.runs.decisions("weather")
    assert {"live_quality", "move", "promotion"} == {decision["kind"] for decision in told}
    entry = watched.audit.entries(1)[0]
    assert (entry["who"], entry["action"], entry["before"], entry["after"]) == (
        BY, "models.rollback", {"champion": "2"}, {"champion": "1"},
    )  # fmt: skip


def test_what_was_rolled_back_from_is_not_promoted_by_a_run_again(watched: Any) -> None:
    champions.roll_back(watched.registry, watched.runs, "weather", BY)
    frame = watched.table()
    rule = {"min_improvement": -10.0}  # anything goes, but for what has been sent away
    spec = watched.spec(candidates=WEAK, promotion=rule)
    refused = watched.run(spec, frame)[2]
    assert refused.model_version == "2"
    assert "was rolled back from" in refused.reason
    champions.promote(watched.registry, watched.runs, "weather", "2", "ann")
    champions.promote(watched.registry, watched.runs, "weather", "1", "ann")
    assert watched.run(spec, frame)[2].promoted  # a person had promoted it since


def test_a_world_that_is_harder_for_both_is_an_alarm_and_no_rollback(watched: Any) -> None:
    watched.serve("2", watched.table(rows=300, seed=6, noise=60.0), NOON)
    check(watched, NOON + timedelta(minutes=1))
    verdict = check(watched, NOON + timedelta(minutes=2))
    assert verdict.outcome == "kept", verdict.reason
    assert verdict.is_alarm
    assert "not surely better on the same rows" in verdict.reason
    assert watched.registry.champion("weather").version == "2"


def test_a_champion_that_holds_is_left_alone_window_after_window(watched: Any) -> None:
    for window in range(10):
        end = NOON + timedelta(days=window)
        watched.serve("2", watched.table(rows=200, seed=20 + window), end)
        verdict = check(watched, end + timedelta(minutes=1))
        assert verdict.outcome in {"good", "fallen"}, verdict.reason
        assert verdict.strikes < 2
    assert watched.registry.champion("weather").version == "2"


def test_masked_features_leave_the_held_out_intervals_to_compare(watched: Any) -> None:
    shifted = watched.table(rows=300, seed=5, warmer=15)
    watched.serve("2", shifted, NOON)
    watched.predictions.collection("predictions").update_many({}, {"$set": {"features.heat": ["***"] * 50}})
    check(watched, NOON + timedelta(minutes=1))
    verdict = check(watched, NOON + timedelta(minutes=2))
    assert verdict.outcome == "rolled_back", verdict.reason
    assert "cannot be asked about these rows" in verdict.reason


def test_a_tolerance_is_a_share_of_the_held_out_bound() -> None:
    assert beyond([1.11, 1.3], [0.9, 1.0], 0.1, greater_is_better=False)
    assert not beyond([1.09, 1.3], [0.9, 1.0], 0.1, greater_is_better=False)
    assert beyond([0.5, 0.71], [0.8, 0.9], 0.1, greater_is_better=True)
    assert not beyond([0.5, 0.73], [0.8, 0.9], 0.1, greater_is_better=True)
