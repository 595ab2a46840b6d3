"""Solves a problem with HiGHS: outputs, cost, CO2 and the price of each hour; or which limits conflict.

An answer is checked against its limits before it is believed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from millrace.allocation.conflicts import Conflict, conflicts
from millrace.allocation.problem import Array, Problem
from millrace.allocation.programme import Programme, programme
from millrace.errors import AllocationError

INFEASIBLE = 2
PRECISION = 1e-5
TOLD = 5


@dataclass(frozen=True)
class Plan:
    """The outputs in MW (times x sources), what they cost and emit, and the price of one more MWh at each time.

    `conflicts` is empty unless limits had to give way; the outputs then violate them by the least total.
    """

    outputs: Array
    cost: float
    co2: float
    renewable_share: float
    prices: Array
    conflicts: list[Conflict] = field(default_factory=list)


def allocate(problem: Problem) -> Plan:
    """The best plan that keeps every limit. Raises AllocationError that names the limits that conflict."""
    strict = programme(problem)
    answer = _solved(strict)
    if answer.status == INFEASIBLE:
        raise _infeasible(conflicts(problem, strict, _feasible(strict.elastic()).x))
    return _plan(problem, _believed(strict, answer))


def allocate_relaxed(problem: Problem) -> Plan:
    """The best plan; where none keeps every limit, the best of those that violate them by the least total."""
    strict = programme(problem)
    answer = _solved(strict)
    if answer.status != INFEASIBLE:
        return _plan(problem, _believed(strict, answer))
    loose = _feasible(strict.elastic()).x
    return _plan(problem, _feasible(strict.relaxed(loose)), conflicts(problem, strict, loose))


def _solved(given: Programme) -> Any:
    from scipy.optimize import linprog

    return linprog(
        given.price,
        A_ub=given.less if len(given.bound) else None,
        b_ub=given.bound if len(given.bound) else None,
        A_eq=given.balance,
        b_eq=given.demand,
        bounds=np.column_stack([given.least, given.most]),
        method="highs",
    )


def _feasible(given: Programme) -> Any:
    return _believed(given, _solved(given))


def _believed(given: Programme, answer: Any) -> Any:
    """The answer, when it is one and keeps its limits. Raises AllocationError."""
    if answer.status != 0:
        raise AllocationError(f"The allocation could not be solved: {answer.message}")
    scale = PRECISION * max(1.0, float(np.abs(given.demand).max()))
    off = max(
        float(np.abs(given.balance @ answer.x - given.demand).max()),
        float((given.less @ answer.x - given.bound).max(initial=0.0)),
        float((given.least - answer.x).max()),
        float((answer.x - given.most).max()),
    )
    if not off <= scale:
        raise AllocationError(f"The solver's answer misses a limit by {off:g} MW and is not used.")
    return answer


def _plan(problem: Problem, answer: Any, found: list[Conflict] | None = None) -> Plan:
    times, sources = problem.shape
    outputs = np.clip(answer.x[: times * sources].reshape(times, sources), problem.least(), problem.most())
    energy = outputs.sum(axis=0) * problem.step_hours
    renewable = np.array([source.renewable for source in problem.sources])
    return Plan(
        outputs=outputs,
        cost=float(energy @ problem.rates("cost")),
        co2=float(energy @ problem.rates("co2")),
        renewable_share=float(energy[renewable].sum() / energy.sum()) if energy.sum() > 0 else 0.0,
        prices=answer.eqlin.marginals / problem.step_hours,
        conflicts=found or [],
    )


def _infeasible(found: list[Conflict]) -> AllocationError:
    told = "; ".join(conflict.sentence for conflict in found[:TOLD])
    more = f"; and {len(found) - TOLD} more" if len(found) > TOLD else ""
    return AllocationError(
        f"No allocation keeps every limit. {told}{more}.",
        hint="These are the least violations that would make it possible: relax these limits, or add capacity.",
        details={"conflicts": [conflict.as_document() for conflict in found]},
    )
