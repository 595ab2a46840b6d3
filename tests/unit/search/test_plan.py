"""The plan of a search: every estimator once, then the better ones more often; folds, failures, pruning, budgets."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st

from millrace.errors import TrainingError
from millrace.stages.search.plan import Plan
from millrace.stages.search.spaces import asked_first
from millrace.stages.search.trials import Budget, Entry, Fit
from millrace.stages.search.workbench import Score


def entry(place: int, trials: int = 50, **space: Any) -> Entry:
    return Entry(place, f"e{place}", space or {"a": [0.0, 1.0]}, (), trials)


def score(value: float, seconds: float = 1.0) -> Score:
    return Score({"rmse": value}, np.zeros(3), seconds)


def finish(plan: Plan, value: Any) -> list[Fit]:
    """Do every fit in turn; `value` gives the metric of a fit, or an error."""
    done = []
    while (fit := plan.next()) is not None:
        outcome = value(fit)
        plan.tell(fit, outcome if isinstance(outcome, Exception) else score(outcome))
        done.append(fit)
    return done


def test_every_estimator_is_tried_once_before_any_is_tried_again() -> None:
    plan = Plan([entry(0), entry(1), entry(2)], 3, "rmse", Budget(12), greater_is_better=False)
    finish(plan, lambda fit: 1.0 + fit.trial.entry.place)
    assert [trial.entry.place for trial in plan.done[:3]] == [0, 1, 2]
    assert len(plan.done) == 12


def test_better_estimators_get_more_trials() -> None:
    plan = Plan([entry(0), entry(1), entry(2)], 2, "rmse", Budget(40), greater_is_better=False)
    finish(plan, lambda fit: 3.0 - fit.trial.entry.place + fit.trial.params["a"] / 10)
    counts = [sum(trial.entry.place == place for trial in plan.done) for place in range(3)]
    assert counts[2] > counts[1] > counts[0] > 1
    assert plan.ranked()[0].entry.place == 2


@pytest.mark.parametrize(("deadline", "cheaper"), [(1e6, 5.0), (None, 1.0)])
def test_where_time_is_short_cheap_estimators_get_more_trials(deadline: float | None, cheaper: float) -> None:
    """As good as the other at a 25th of the cost: five times the trials; by the number of trials alone, as many."""
    budget = Budget(120, deadline, clock=lambda: 0.0)
    plan = Plan([entry(0, 200), entry(1, 200)], 2, "rmse", budget, greater_is_better=False, prune=False)
    while (fit := plan.next()) is not None:
        # By turns the better one, so that both have the same share on the whole.
        plan.tell(fit, score(1.0 / (1 + fit.trial.number), seconds=0.2 if fit.trial.entry.place == 0 else 5.0))
    counts = [sum(trial.entry.place == place for trial in plan.done) for place in range(2)]
    assert counts[0] / counts[1] == pytest.approx(cheaper, rel=0.4)


def test_a_small_space_is_tried_once_and_leaves_its_trials_to_the_others() -> None:
    small = Entry(0, "small", {"a": {"choices": ["x", "y", "z"]}}, (), 50)
    plan = Plan([small, entry(1)], 2, "rmse", Budget(30), greater_is_better=False)
    finish(plan, lambda fit: float(fit.trial.entry.place))
    tried = [trial.params["a"] for trial in plan.done if trial.entry is small]
    assert sorted(tried) == ["x", "y", "z"]
    assert len(plan.done) == 30


def test_the_search_closes_in_on_the_best_parameters() -> None:
    plan = Plan([entry(0, 40)], 2, "rmse", Budget(40), greater_is_better=False)
    finish(plan, lambda fit: (fit.trial.params["a"] - 0.3) ** 2)
    assert abs(plan.ranked()[0].params["a"] - 0.3) < 0.05


def test_a_trial_that_loses_fold_after_fold_is_given_up() -> None:
    one = Entry(0, "e", {"a": [0.0, 1.0]}, ({"a": 0.0},), 20)
    plan = Plan([one], 5, "rmse", Budget(20), greater_is_better=False)
    fits = finish(plan, lambda fit: fit.trial.params["a"] + fit.fold / 100)
    given_up = [trial for trial in plan.done if trial.pruned]
    assert given_up
    assert all(3 <= len(trial.scores) < 5 for trial in given_up)
    assert len(fits) < 100
    assert not any(trial.pruned for trial in plan.ranked())
    assert plan.ranked()[0].params == {"a": 0.0}


def test_nothing_is_given_up_without_pruning() -> None:
    plan = Plan([entry(0, 10)], 5, "rmse", Budget(10), greater_is_better=False, prune=False)
    assert len(finish(plan, lambda fit: fit.trial.params["a"])) == 50


def test_a_failed_fit_ends_its_trial_and_no_other() -> None:
    plan = Plan([entry(0), entry(1)], 3, "rmse", Budget(6), greater_is_better=False)
    finish(plan, lambda fit: TrainingError("no") if fit.trial.entry.place == 0 else 1.0)
    assert {trial.entry.place for trial in plan.ranked()} == {1}
    assert all(not trial.scores for trial in plan.done if trial.entry.place == 0)


def test_a_small_space_is_not_tried_twice() -> None:
    plan = Plan([entry(0, 3, kind={"choices": ["x", "y", "z"]})], 2, "rmse", Budget(3), greater_is_better=False)
    finish(plan, lambda fit: 1.0)
    assert sorted(trial.params["kind"] for trial in plan.done) == ["x", "y", "z"]


def test_no_trial_begins_that_would_not_end_in_time() -> None:
    now = [0.0]
    plan = Plan([entry(0)], 4, "rmse", Budget(100, 20.0, clock=lambda: now[0]), greater_is_better=False, prune=False)

    def slow(fit: Fit) -> float:
        now[0] += 1.0
        return 1.0

    finish(plan, slow)
    # Four seconds a trial, and a second is set aside for the last fit of each of the best.
    assert now[0] <= 20.0
    assert len(plan.done) in {3, 4}


def test_folds_run_side_by_side_when_there_is_nothing_else_to_do() -> None:
    plan = Plan([entry(0, 1)], 5, "rmse", Budget(1), greater_is_better=False)
    fits = [plan.next() for _ in range(5)]
    assert [fit.fold for fit in fits if fit] == [0, 1, 2, 3, 4]
    assert plan.next() is None
    for fit in reversed(fits):
        assert fit is not None
        plan.tell(fit, score(float(fit.fold)))
    assert plan.ranked()[0].metrics() == {"rmse": 2.0}


@examples(30)
@given(st.integers(1, 4), st.integers(1, 5), st.integers(1, 12), st.randoms(use_true_random=False))
def test_outcomes_may_come_in_any_order(entries: int, folds: int, trials: int, random: Any) -> None:
    plan = Plan([entry(i) for i in range(entries)], folds, "rmse", Budget(trials), greater_is_better=False)
    flying: list[Fit] = []
    while True:
        fit = plan.next() if len(flying) < 4 else None
        if fit is not None:
            flying.append(fit)
            continue
        if not flying:
            break
        ended = flying.pop(random.randrange(len(flying)))
        plan.tell(ended, TrainingError("no") if random.random() < 0.1 else score(random.random()))
    assert len(plan.done) == trials
    assert all(len(trial.scores) == folds for trial in plan.ranked())
    assert sorted(trial.number for trial in plan.done) == list(range(trials))


def test_labels_that_tie_are_told_apart_by_the_log_loss() -> None:
    plan = Plan([entry(0), entry(1)], 1, "accuracy", Budget(2), greater_is_better=True)
    while (fit := plan.next()) is not None:
        loss = 0.5 if fit.trial.entry.place == 0 else 0.2
        plan.tell(fit, Score({"accuracy": 0.9, "log_loss": loss}, np.zeros(3), 1.0))
    assert plan.ranked()[0].entry.place == 1


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"a": 0.5, "kind": [64, 32], "other": 1}, {"a": 0.5, "kind": 1}),
        ({"a": 2.0}, None),
        ({"a": "much"}, None),
        ({"kind": [1]}, None),
        ({}, {}),
    ],
)
def test_parameters_of_before_are_asked_first_where_the_space_has_them(params: Any, told: Any) -> None:
    assert asked_first(params, {"a": [0.0, 1.0], "kind": {"choices": [[8], [64, 32]]}}) == told
