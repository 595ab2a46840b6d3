"""Shares a forecast demand among the sources of the spec's `allocation`, series by series.

It takes forecasts as they are to be kept, and returns them with the output of each source, so that both are kept and
served as one. The programme itself belongs to `millrace.allocation`.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from millrace.allocation.allocate import Plan, allocate, allocate_relaxed
from millrace.allocation.base import Objective
from millrace.allocation.problem import Array, Problem, Times, moment
from millrace.errors import AllocationError
from millrace.spec.allocation import Allocation, AvailabilityTable
from millrace.stages.base import RunContext

if TYPE_CHECKING:
    import pandas as pd

Document = dict[str, Any]
DIGITS = 6


def allocated(
    context: RunContext, wanted: Allocation, forecasts: list[Document]
) -> tuple[list[Document], list[Document]]:
    """The forecasts with `allocation`, and for each series what its plan costs, emits and violates.

    Raises AllocationError that names the series and the limits that conflict, where the spec says `fail`.
    """
    table = _table(context, wanted.availability) if wanted.availability else None
    ordered = sorted(forecasts, key=lambda one: (one["series"], one["timestamp"]))
    documents, summaries = [], []
    for series, group in groupby(ordered, key=lambda one: one["series"]):
        members = list(group)
        problem = _problem(wanted, members, str(context.spec.targets[0]), table)
        plan = _planned(context, wanted, series, problem)
        documents += [{**one, "allocation": _outputs(problem, plan, place)} for place, one in enumerate(members)]
        summaries.append({"series": series, **_summary(plan)})
    return documents, summaries


def _planned(context: RunContext, wanted: Allocation, series: str, problem: Problem) -> Plan:
    try:
        plan = (allocate_relaxed if wanted.conflicts == "relax" else allocate)(problem)
    except AllocationError as error:
        named = f"Series '{series}': " if series else ""
        raise AllocationError(f"{named}{error.message}", hint=error.hint, details=error.details) from error
    if plan.conflicts:
        first = plan.conflicts[0].sentence
        context.warn(
            f"No allocation of series '{series}' keeps every limit: {len(plan.conflicts)} give way "
            f"(allocation.conflicts: relax). {first}."
        )
    return plan


def _problem(wanted: Allocation, members: list[Document], target: str, table: pd.DataFrame | None) -> Problem:
    times = np.array([one["timestamp"].replace(tzinfo=None) for one in members], dtype="datetime64[ns]")
    demand = np.array([np.nan if one[target] is None else one[target] for one in members], dtype="float64")
    steps = np.diff(times.astype("int64"))
    return Problem(
        sources=list(wanted.sources),
        objective=Objective.model_validate({name: getattr(wanted, name) for name in Objective.model_fields}),
        times=times,
        demand=demand,
        available={source.name: _shares(source.availability, times, wanted, table) for source in wanted.sources},
        step_hours=float(steps.min()) / 3.6e12 if len(steps) else 1.0,
    )


def _shares(given: float | list[float] | str, times: Times, wanted: Allocation, table: pd.DataFrame | None) -> Array:
    if isinstance(given, list):
        return np.array(given, dtype="float64")[_hours(times)]
    if not isinstance(given, str):
        return np.full(len(times), given)
    return _looked_up(given, times, wanted, table)


def _hours(times: Times) -> npt.NDArray[np.int64]:
    return times.astype("datetime64[h]").astype("int64") % 24


def _looked_up(column: str, times: Times, wanted: Allocation, table: pd.DataFrame | None) -> Array:
    import pandas as pd

    if table is None or wanted.availability is None or column not in table.columns:
        known = [] if table is None else list(map(str, table.columns))
        raise AllocationError(
            f"The table of availability has no column '{column}'.", hint=f"It has: {', '.join(known)}."
        )
    parts = wanted.availability.on
    shares = table.set_index(parts)[column]
    moments = pd.Series(pd.DatetimeIndex(times, tz="UTC"))
    keys = [moments if part == "timestamp" else getattr(moments.dt, part) for part in parts]
    index = pd.Index(keys[0]) if len(parts) == 1 else pd.MultiIndex.from_arrays(keys)
    found = shares.reindex(index).to_numpy(dtype="float64", na_value=np.nan)
    if np.isnan(found).any():
        first = moments[int(np.isnan(found).argmax())]
        raise AllocationError(
            f"The table of availability has no '{column}' for {first:%Y-%m-%d %H:%M} UTC (by {', '.join(parts)}).",
            hint="It must have a row for each step that is forecast.",
        )
    return found


def _table(context: RunContext, wanted: AvailabilityTable) -> pd.DataFrame:
    """The table of availability; each key once. Raises AllocationError."""
    from millrace.stages.etl.other_tables import load_table

    table = load_table(context, wanted.with_)
    if missing := [part for part in wanted.on if part not in table.columns]:
        raise AllocationError(
            f"The table of availability has no column '{missing[0]}'.", hint=f"It has: {', '.join(table.columns)}."
        )
    if table.duplicated(wanted.on).any():
        twice = table.loc[table.duplicated(wanted.on), wanted.on].iloc[0].to_dict()
        raise AllocationError(
            f"The table of availability has more than one row for {twice}.", hint="Aggregate it first."
        )
    return table


def _outputs(problem: Problem, plan: Plan, place: int) -> Document:
    outputs = plan.outputs[place].round(DIGITS).tolist()
    time = moment(problem.times[place])
    return {
        "outputs": dict(zip([source.name for source in problem.sources], outputs, strict=True)),
        "price": round(float(plan.prices[place]), DIGITS),
        "conflicts": [conflict.sentence for conflict in plan.conflicts if conflict.time == time],
    }


def _summary(plan: Plan) -> Document:
    return {
        "cost": round(plan.cost, 2),
        "co2": round(plan.co2, 2),
        "renewable_share": round(plan.renewable_share, DIGITS),
        "conflicts": [conflict.as_document() for conflict in plan.conflicts],
    }
