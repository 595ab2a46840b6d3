"""What a person's answer does to a version that waits: at once, too late, and when the world has changed meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from millrace.stages.approval import Answer, Settled, settle
from millrace.stores import champions

pytestmark = pytest.mark.integration
ANN, NOBODY = Answer(approved=True, by="ann"), Answer(approved=False)
HUMAN = {"approval": "human", "approval_timeout": "36h"}


@pytest.fixture
def waiting(bench: Any) -> Any:
    """Trains and leaves a version waiting: `waiting(trees)` gives context and what was registered."""
    frame = bench.table(rows=400, noise=3.0)

    def train(trees: int, **rule: Any) -> tuple[Any, Any]:
        forest = {"estimator": "random_forest", "params": {"n_estimators": trees, "max_depth": 6}}
        spec = bench.spec(candidates=[forest], promotion={**HUMAN, "min_improvement": -5, **rule})
        context, _, registered = bench.run(spec, frame)
        return context, registered

    return train


@pytest.fixture
def answered(bench: Any) -> Callable[[tuple[Any, Any], Answer], Settled]:
    """Answers the question about what `waiting` gave."""

    def answer_it(waited: tuple[Any, Any], answer: Answer) -> Settled:
        context, registered = waited
        assert registered.decision["outcome"] == "waiting", registered.reason
        return settle(context, bench.audit, registered, answer)

    return answer_it


def test_an_approval_makes_the_champion_and_is_kept(bench: Any, waiting: Any, answered: Any) -> None:
    settled = answered(waiting(20), ANN)
    assert (settled.promoted, settled.reason) == (True, "Promoted: approved by ann.")
    assert bench.registry.champion("weather").version == "1"
    kept = bench.runs.decisions("weather")[0]
    assert (kept["kind"], kept["outcome"], kept["by"], kept["compared"]) == ("approval", "promoted", "ann", None)
    assert bench.audit.entries(1)[0]["action"] == "models.approval.promoted"


def test_silence_refuses_and_the_version_stays_registered(bench: Any, waiting: Any, answered: Any) -> None:
    settled = answered(waiting(20), NOBODY)
    assert (settled.promoted, settled.outcome) == (False, "expired")
    assert settled.reason == "Not promoted: no one approved within 36 hours; version 1 stays challenger."
    assert bench.registry.champion("weather") is None
    assert [version.version for version in bench.registry.versions("weather")] == ["1"]


def test_silence_may_mean_consent(bench: Any, waiting: Any, answered: Any) -> None:
    settled = answered(waiting(20, on_timeout="approve"), Answer(approved=True))
    assert settled.reason == "Promoted: approved as declared (on_timeout), since no one answered within 36 hours."


def test_a_newer_champion_makes_an_approval_stale(bench: Any, waiting: Any, answered: Any) -> None:
    answered(waiting(20), ANN)
    late = waiting(25)
    later = waiting(30)
    champions.promote(bench.registry, bench.runs, "weather", later[1].model_version, "otto")
    settled = answered(late, ANN)
    assert (settled.promoted, settled.outcome) == (False, "stale")
    assert settled.reason == (
        "Not promoted, though approved by ann: the champion is version 3 now, and it was compared with version 1. "
        "Run the pipeline again."
    )
    assert bench.registry.champion("weather").version == "3"


def test_a_later_version_takes_the_place_of_the_one_that_waits(bench: Any, waiting: Any, answered: Any) -> None:
    early, late = waiting(20), waiting(25)
    settled = answered(early, ANN)
    assert (settled.promoted, settled.outcome) == (False, "stale")
    assert "version 2 of a later run waits in its place" in settled.reason
    assert answered(late, ANN).promoted
    assert bench.registry.champion("weather").version == "2"


def test_a_version_that_was_promoted_by_hand_stays_champion(bench: Any, waiting: Any, answered: Any) -> None:
    waited = waiting(20)
    champions.promote(bench.registry, bench.runs, "weather", "1", "otto")
    settled = answered(waited, Answer(approved=False, by="ann"))
    assert settled.reason == "Not promoted: rejected by ann; version 1 is the champion by another way."
    assert bench.registry.champion("weather").version == "1"


def test_a_rejected_version_is_asked_again_against_another_champion_only(
    bench: Any, waiting: Any, answered: Any
) -> None:
    answered(waiting(20), Answer(approved=False, by="ann"))
    again = waiting(20)[1]  # the same rows, the same way: the same version
    assert (again.model_version, again.decision["outcome"]) == ("1", "refused")
    assert again.reason.startswith("Not asked again about the same version 1, against the same champion: Not promoted:")
    answered(waiting(25), ANN)
    assert waiting(20)[1].decision["outcome"] == "waiting"


def test_a_repeated_answer_changes_nothing(bench: Any, waiting: Any, answered: Any) -> None:
    waited = waiting(20)
    first = answered(waited, ANN)
    assert answered(waited, ANN) == first
    assert [kept["kind"] for kept in bench.runs.decisions("weather")] == ["approval", "promotion"]
