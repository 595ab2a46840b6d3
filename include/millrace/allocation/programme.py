"""The linear programme of a problem as sparse matrices, and its elastic form, in which limits may give way at a price.

Rows stand in the order of `Programme.rows`. Solving, and what an answer means, belong to `allocate`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy import sparse

from millrace.allocation.problem import Array, Problem

Limit = Literal["ramp_up", "ramp_down", "min_renewable_share"]
BALANCE_PRICE = 100.0
"""A MW of demand that is not met costs as much as so many of any other limit: it is named where nothing else helps."""
ROUNDING = 1e-8
"""What a moved limit is given beyond its violation, as a share of the demand: the violation itself is rounded."""


@dataclass(frozen=True)
class Row:
    """One inequality: which limit it is, at which time and of which source (None: of all)."""

    limit: Limit
    time: int | None
    source: int | None


@dataclass(frozen=True)
class Programme:
    """Minimise `price @ x` with `less @ x <= bound`, `balance @ x == demand`, `least <= x <= most`."""

    price: Array
    less: Any
    bound: Array
    balance: Any
    demand: Array
    least: Array
    most: Array
    rows: list[Row]

    def elastic(self) -> Programme:
        """The same with a slack for each row and two for each balance (short, over): it always has an answer."""
        rows, times = len(self.bound), len(self.demand)
        eye = sparse.identity(times, format="csr")
        slacks = rows + 2 * times
        return Programme(
            price=np.concatenate([np.zeros_like(self.price), np.ones(rows), np.full(2 * times, BALANCE_PRICE)]),
            less=sparse.hstack([self.less, -sparse.identity(rows), sparse.csr_matrix((rows, 2 * times))], format="csr"),
            bound=self.bound,
            balance=sparse.hstack([self.balance, sparse.csr_matrix((times, rows)), eye, -eye], format="csr"),
            demand=self.demand,
            least=np.concatenate([self.least, np.zeros(slacks)]),
            most=np.concatenate([self.most, np.full(slacks, np.inf)]),
            rows=self.rows,
        )

    def relaxed(self, elastic: Array) -> Programme:
        """The same with each limit moved by what it gave way in an answer of the elastic form."""
        variables, rows, times = len(self.price), len(self.bound), len(self.demand)
        slack = np.maximum(elastic[variables:], 0.0)
        short, over = slack[rows : rows + times], slack[rows + times :]
        room = ROUNDING * max(1.0, float(self.demand.max()))
        return replace(self, bound=self.bound + slack[:rows] + room, demand=self.demand - short + over)


def programme(problem: Problem) -> Programme:
    """The programme of a problem: the output of source s at time t is the variable t * sources + s."""
    times, sources = problem.shape
    ramps = [_ramps(problem, column) for column in range(sources)]
    parts = [part for part in (*ramps, _renewable(problem)) if part is not None]
    empty = sparse.csr_matrix((0, times * sources))
    return Programme(
        price=np.tile(_prices(problem), times),
        less=sparse.vstack([empty, *(matrix for matrix, _, _ in parts)], format="csr"),
        bound=np.concatenate([np.zeros(0), *(bound for _, bound, _ in parts)]),
        balance=sparse.kron(sparse.identity(times), np.ones((1, sources)), format="csr"),
        demand=problem.demand,
        least=problem.least().ravel(),
        most=problem.most().ravel(),
        rows=[row for _, _, rows in parts for row in rows],
    )


def _prices(problem: Problem) -> Array:
    goal = problem.objective
    if goal.least == "co2":
        return problem.rates("co2") * problem.step_hours
    return (problem.rates("cost") + goal.carbon_price / 1000 * problem.rates("co2")) * problem.step_hours


def _ramps(problem: Problem, column: int) -> tuple[Any, Array, list[Row]] | None:
    source = problem.sources[column]
    if source.ramp is None:
        return None
    times, sources = problem.shape
    after = problem.neighbours()
    known = problem.before is not None and source.name in problem.before
    rises = _differences(after, times) if not known else sparse.vstack([_unit(times), _differences(after, times)])
    steps = np.concatenate([[0], after]) if known else after
    start = np.zeros(len(steps))
    if known and problem.before is not None:
        start[0] = problem.before[source.name]
    wide = sparse.kron(rises, _unit(sources, column), format="csr")
    reach = np.full(len(steps), source.ramp * problem.step_hours)
    ups = [Row("ramp_up", int(step), column) for step in steps]
    downs = [Row("ramp_down", int(step), column) for step in steps]
    return sparse.vstack([wide, -wide]), np.concatenate([reach + start, reach - start]), ups + downs


def _differences(after: npt.NDArray[np.int64], times: int) -> Any:
    """Output at each of these positions less the output before it."""
    ones, rows = np.ones(len(after)), np.arange(len(after))
    return sparse.csr_matrix((ones, (rows, after)), (len(after), times)) - sparse.csr_matrix(
        (ones, (rows, after - 1)), (len(after), times)
    )


def _unit(size: int, place: int = 0) -> Any:
    return sparse.csr_matrix(([1.0], ([0], [place])), (1, size))


def _renewable(problem: Problem) -> tuple[Any, Array, list[Row]] | None:
    goal, (times, _) = problem.objective, problem.shape
    if not goal.min_renewable_share:
        return None
    counted = sparse.csr_matrix(np.array([[float(source.renewable) for source in problem.sources]]))
    if goal.renewable_over == "hour":
        needed = goal.min_renewable_share * problem.demand
        rows = [Row("min_renewable_share", time, None) for time in range(times)]
        return -sparse.kron(sparse.identity(times), counted, format="csr"), -needed, rows
    whole = -sparse.kron(np.ones((1, times)), counted, format="csr")
    return whole, np.array([-goal.min_renewable_share * problem.demand.sum()]), [Row("min_renewable_share", None, None)]
