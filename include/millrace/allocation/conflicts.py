"""Says which limits conflict, when, and by how much: read off the least violation that an elastic programme needs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from millrace.allocation.problem import Array, Problem, moment
from millrace.allocation.programme import Programme, Row

TOLERANCE = 1e-6
"""Violations below this share of the largest demand are rounding."""


@dataclass(frozen=True)
class Conflict:
    """One limit that cannot be kept: `by` is how many MW (MWh over a horizon) it must give way at least."""

    limit: str
    time: str | None
    source: str | None
    by: float
    sentence: str

    def as_document(self) -> dict[str, Any]:
        """The conflict as small JSON."""
        return asdict(self)


def conflicts(problem: Problem, programme: Programme, answer: Array) -> list[Conflict]:
    """The limits that gave way in an elastic answer, the largest violation first."""
    times, sources = problem.shape
    outputs, slack = answer[: times * sources].reshape(times, sources), answer[times * sources :]
    rows = len(programme.rows)
    least = TOLERANCE * max(1.0, float(problem.demand.max()))
    found = [
        _of_row(problem, row, outputs, by) for row, by in zip(programme.rows, slack[:rows], strict=True) if by > least
    ]
    found += [_short(problem, time, by) for time, by in enumerate(slack[rows : rows + times]) if by > least]
    found += [_over(problem, time, by) for time, by in enumerate(slack[rows + times :]) if by > least]
    return sorted(found, key=lambda conflict: -conflict.by)


def _of_row(problem: Problem, row: Row, outputs: Array, by: float) -> Conflict:
    if row.limit == "min_renewable_share":
        return _renewable(problem, row, outputs, by)
    source, time = problem.sources[row.source or 0], row.time or 0
    way = "rise" if row.limit == "ramp_up" else "fall"
    reach = float(source.ramp or 0) * problem.step_hours
    said = (
        f"{source.name} would have to {way} by {reach + by:,.1f} MW, {by:,.1f} MW more than its ramp of {reach:,.1f} MW"
    )
    return _conflict(problem, row.limit, time, source.name, by, said)


def _renewable(problem: Problem, row: Row, outputs: Array, by: float) -> Conflict:
    share = problem.objective.min_renewable_share
    given = outputs[:, [source.renewable for source in problem.sources]].sum(axis=1)
    if row.time is None:
        reached, unit, over = given.sum() / problem.demand.sum(), "MWh", " over all hours"
        by *= problem.step_hours
    else:
        reached, unit, over = given[row.time] / problem.demand[row.time], "MW", ""
    said = (
        f"renewables reach {reached:.1%} of the demand{over}, {by:,.1f} {unit} short of the {share:.1%} of {row.limit}"
    )
    return _conflict(problem, row.limit, row.time, None, by, said)


def _short(problem: Problem, time: int, by: float) -> Conflict:
    can, demand = problem.most()[time].sum(), problem.demand[time]
    why = f"the sources have {can:,.1f} MW" if can < demand else "ramps and capacities do not allow more"
    said = f"{by:,.1f} MW of the demand of {demand:,.1f} MW cannot be met: {why}"
    return _conflict(problem, "capacity", time, None, by, said)


def _over(problem: Problem, time: int, by: float) -> Conflict:
    must, demand = problem.least()[time].sum(), problem.demand[time]
    why = f"the sources must run at {must:,.1f} MW" if must > demand else "ramps do not allow less"
    said = f"{by:,.1f} MW are too much for the demand of {demand:,.1f} MW: {why}"
    return _conflict(problem, "min_output", time, None, by, said)


def _conflict(problem: Problem, limit: str, time: int | None, source: str | None, by: float, said: str) -> Conflict:
    when = None if time is None else moment(problem.times[time])
    amount = float(np.round(by, 6))
    return Conflict(limit, when, source, amount, f"{when}: {said}" if when else said)
