"""The programme keeps its limits, is never beaten, agrees with the merit order, and names what conflicts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from millrace.allocation.allocate import Plan, allocate, allocate_relaxed
from millrace.allocation.base import EnergySource, Objective
from millrace.allocation.problem import Problem
from millrace.errors import AllocationError

START = np.datetime64("2015-01-01T00:00", "ns")
SEEDS = st.integers(0, 2**32 - 1)


def times(count: int) -> np.ndarray:
    return START + np.arange(count) * np.timedelta64(1, "h")


def problem(demand: list[float], sources: list[dict[str, Any]], objective: dict[str, Any] | None = None, **more: Any):
    made = [EnergySource.model_validate({"name": f"s{place}", **one}) for place, one in enumerate(sources)]
    at = more.pop("at", times(len(demand)))
    return Problem(made, Objective(**objective or {}), at, np.array(demand, dtype=float), **more)


def holds(given: Problem, plan: Plan, slack: float = 1e-4) -> None:
    out = plan.outputs
    assert np.abs(out.sum(axis=1) - given.demand).max() < slack
    assert (out <= given.most() + slack).all()
    assert (out >= given.least() - slack).all()
    for column, source in enumerate(given.sources):
        if source.ramp is not None:
            steps = given.neighbours()
            assert (np.abs(out[steps, column] - out[steps - 1, column]) <= source.ramp + slack).all()
            if given.before and source.name in given.before:
                assert abs(out[0, column] - given.before[source.name]) <= source.ramp + slack
    green = out[:, [source.renewable for source in given.sources]].sum(axis=1)
    share = given.objective.min_renewable_share
    if given.objective.renewable_over == "hour":
        assert (green >= share * given.demand - slack).all()
    assert green.sum() >= share * given.demand.sum() - slack * len(given.demand)


def feasible(seed: int) -> tuple[Problem, np.ndarray]:
    """A problem that was built around a plan which keeps its limits, and that plan."""
    rng = np.random.default_rng(seed)
    count, kinds = int(rng.integers(1, 9)), int(rng.integers(1, 5))
    shares = np.where(rng.random(kinds) < 0.5, rng.uniform(0, 1, (count, kinds)), 1.0)
    capacity = rng.uniform(10, 100, kinds)
    low = rng.uniform(0, 1, kinds) * (shares * capacity).min(axis=0) * (rng.random(kinds) < 0.4)
    out = low + rng.uniform(0, 1, (count, kinds)) * (shares * capacity - low)
    ramp = np.abs(np.diff(out, axis=0)).max(axis=0, initial=0.0) + rng.uniform(0, 5, kinds)
    green = rng.random(kinds) < 0.5
    demand = out.sum(axis=1)
    with np.errstate(invalid="ignore"):
        share = np.nan_to_num(np.where(demand > 0, out[:, green].sum(axis=1) / demand, 1.0)).min()
    sources = [
        EnergySource(
            name=f"s{k}",
            capacity=capacity[k],
            cost=rng.uniform(-5, 90),
            co2=rng.uniform(0, 900),
            renewable=bool(green[k]),
            min_output=min(low[k], capacity[k]),
            ramp=ramp[k] if rng.random() < 0.6 else None,
        )
        for k in range(kinds)
    ]
    goal = Objective(
        least="cost" if rng.random() < 0.5 else "co2",
        carbon_price=rng.uniform(0, 80),
        min_renewable_share=share * 0.999,
        renewable_over="hour" if rng.random() < 0.5 else "horizon",
    )
    available = {f"s{k}": np.maximum(shares[:, k], low[k] / capacity[k]).clip(0, 1) for k in range(kinds)}
    before = {"s0": float(out[0, 0])} if rng.random() < 0.5 else None
    return Problem(sources, goal, times(count), demand, available, before), out


@examples(150)
@given(SEEDS)
def test_a_plan_keeps_every_limit_and_no_known_plan_is_better(seed: int) -> None:
    given_problem, known = feasible(seed)
    plan = allocate(given_problem)
    holds(given_problem, plan)
    goal = given_problem.objective
    prices = given_problem.rates("co2")
    if goal.least == "cost":
        prices = given_problem.rates("cost") + goal.carbon_price / 1000 * prices
    best, theirs = (plan.outputs @ prices).sum(), (known @ prices).sum()
    assert best <= theirs + 1e-6 * max(1.0, abs(theirs))
    assert plan.conflicts == []
    assert plan.cost == pytest.approx((plan.outputs @ given_problem.rates("cost")).sum())
    assert plan.co2 == pytest.approx((plan.outputs @ given_problem.rates("co2")).sum())


@examples(60)
@given(SEEDS)
def test_without_ramps_it_is_the_merit_order(seed: int) -> None:
    rng = np.random.default_rng(seed)
    capacity, cost = rng.uniform(10, 100, 4), rng.uniform(1, 90, 4)
    demand = rng.uniform(0, capacity.sum(), 5)
    plan = allocate(problem(list(demand), [{"capacity": c, "cost": p} for c, p in zip(capacity, cost, strict=True)]))
    for hour, needed in enumerate(demand):
        left, total = needed, 0.0
        for source in np.argsort(cost):
            used = min(left, capacity[source])
            left, total = left - used, total + used * cost[source]
        assert plan.outputs[hour] @ cost == pytest.approx(total, rel=1e-6, abs=1e-6)


@examples(100)
@given(SEEDS, st.floats(1.02, 3))
def test_what_is_named_is_enough_and_only_what_conflicts_is_named(seed: int, factor: float) -> None:
    """A demand that grew may or may not be met; where it is not, the named amounts make it possible."""
    given_problem, _ = feasible(seed)
    grown = replace(given_problem, demand=given_problem.demand * factor)
    plan = allocate_relaxed(grown)
    if not plan.conflicts:
        holds(grown, plan)
        holds(grown, allocate(grown))
        return
    with pytest.raises(AllocationError) as caught:
        allocate(grown)
    named = caught.value.details["conflicts"]
    assert all(one["by"] > 0 and one["sentence"] for one in named)
    holds_but_for(grown, plan, named)
    short = sum(one["by"] for one in named if one["limit"] == "capacity")
    over = sum(one["by"] for one in named if one["limit"] == "min_output")
    assert plan.outputs.sum() == pytest.approx(grown.demand.sum() - short + over, abs=1e-3)
    short_of = np.maximum(grown.demand - grown.most().sum(axis=1), 0).sum()
    assert short >= short_of - 1e-3


def holds_but_for(given_problem: Problem, plan: Plan, named: list[dict[str, Any]]) -> None:
    allowed = sum(one["by"] for one in named if one["limit"].startswith("ramp"))
    assert (plan.outputs <= given_problem.most() + 1e-4).all()
    assert (plan.outputs >= given_problem.least() - 1e-4).all()
    beyond = 0.0
    for column, source in enumerate(given_problem.sources):
        if source.ramp is not None:
            steps = given_problem.neighbours()
            changes = np.abs(plan.outputs[steps, column] - plan.outputs[steps - 1, column])
            beyond += np.maximum(changes - source.ramp, 0).sum()
            if given_problem.before and source.name in given_problem.before:
                beyond += max(abs(plan.outputs[0, column] - given_problem.before[source.name]) - source.ramp, 0)
    assert beyond <= allowed + 1e-3


COAL = {"name": "coal", "capacity": 1000, "cost": 40, "co2": 900, "ramp": 100}
SUN = {"name": "solar", "capacity": 500, "renewable": True}


@pytest.mark.parametrize(
    ("given_problem", "limit", "time", "source", "by", "words"),
    [
        (problem([500, 1200], [{**COAL, "ramp": None}]), "capacity", "01:00", None, 200, "the sources have 1,000.0 MW"),
        (problem([500, 900], [COAL]), "ramp_up", "01:00", "coal", 300, "rise by 400.0 MW, 300.0 MW more than its ramp"),
        (problem([900, 500], [COAL]), "ramp_down", "01:00", "coal", 300, "fall by 400.0 MW"),
        (problem([500], [COAL], before={"coal": 200}), "ramp_up", "00:00", "coal", 200, "rise by 300.0 MW"),
        (
            problem([400], [COAL, SUN], {"min_renewable_share": 0.5}, available={"solar": np.array([0.2])}),
            "min_renewable_share", "00:00", None, 100, "reach 25.0% of the demand, 100.0 MW short of the 50.0%",
        ),
        (
            problem([100], [{**COAL, "min_output": 300}]),
            "min_output", "00:00", None, 200, "the sources must run at 300.0 MW",
        ),
        (
            problem([400, 600], [COAL, SUN], {"min_renewable_share": 0.5, "renewable_over": "horizon"},
                    available={"solar": np.array([0.2, 0.6])}, at=times(3)[::2]),
            "min_renewable_share", None, None, 100, "reach 40.0% of the demand over all hours, 100.0 MWh short",
        ),
    ],
)  # fmt: skip
def test_the_limit_the_hour_and_the_amount_are_named(given_problem, limit, time, source, by, words) -> None:
    with pytest.raises(AllocationError) as caught:
        allocate(given_problem)
    (one,) = caught.value.details["conflicts"]
    assert (one["limit"], one["source"]) == (limit, source)
    assert one["time"] == (f"2015-01-01 {time} UTC" if time else None)
    assert one["by"] == pytest.approx(by)
    assert words in str(caught.value)


def test_a_gap_in_time_has_no_ramp() -> None:
    plan = allocate(problem([500, 900], [COAL], at=times(3)[::2]))
    assert plan.outputs.ravel().tolist() == pytest.approx([500, 900])


def test_the_price_is_that_of_the_source_that_gives_one_more() -> None:
    plan = allocate(problem([400, 700], [{**SUN, "cost": 0}, {**COAL, "ramp": None}]))
    assert plan.prices.tolist() == pytest.approx([0, 40])
    dear = allocate(problem([700], [{**SUN, "cost": 0}, {**COAL, "ramp": None}], {"carbon_price": 50}))
    assert dear.prices.tolist() == pytest.approx([40 + 45])
    assert dear.cost == pytest.approx(200 * 40)
    assert dear.co2 == pytest.approx(200 * 900)
    assert dear.renewable_share == pytest.approx(5 / 7)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: problem([np.nan], [COAL]), "demand is nan at 2015-01-01 00:00 UTC"),
        (lambda: problem([1], [COAL], available={"coal": np.array([1.5])}), "availability of coal is 1.5"),
        (lambda: problem([1], [COAL], available={"cola": np.array([0.5])}), "'cola' is no source"),
        (lambda: problem([1, 2], [COAL], at=times(2)[::-1]), "rise"),
        (lambda: problem([1], [COAL, COAL]), "each of another name"),
        (
            lambda: problem([1], [{**COAL, "min_output": 300}], available={"coal": np.array([0.2])}),
            "must run at 300 MW .min_output., but 200 MW are there at 2015-01-01 00:00 UTC, 100 MW less",
        ),
    ],
)
def test_what_is_no_problem_is_refused(make, words) -> None:
    with pytest.raises(AllocationError, match=words):
        make()


def test_a_source_that_must_run_above_its_capacity_is_refused() -> None:
    with pytest.raises(ValidationError, match="min_output 20 is larger than the capacity 10"):
        EnergySource(name="x", capacity=10, min_output=20)
