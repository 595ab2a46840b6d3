"""The spec's section `allocation`: the sources that share a forecast demand, their limits, and what is minimised.

The programme itself belongs to `millrace.allocation`; solving it for a forecast to the stages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, model_validator

from millrace.allocation.base import EnergySource, Objective
from millrace.strict import StrictModel

if TYPE_CHECKING:
    from millrace.spec.models import PipelineSpec

Share = Annotated[float, Field(ge=0, le=1)]
Part = Literal["month", "dayofyear", "dayofweek", "hour", "timestamp"]


class AllocatedSource(EnergySource):
    """One source, and how much of its capacity is there."""

    availability: Share | Annotated[list[Share], Field(min_length=24, max_length=24)] | str = Field(
        default=1.0,
        description="Share of the capacity: a number, 24 numbers by hour of day (UTC), or a column of the table.",
    )


class AvailabilityTable(StrictModel):
    """A table with a share between 0 and 1 for each source that names a column, by parts of the time (UTC)."""

    with_: dict[str, Any] = Field(alias="with", description="The table: a source, as under 'source'.")
    on: list[Part] = Field(
        min_length=1, description="Its key columns: month, dayofyear, dayofweek (Monday 0), hour, or timestamp."
    )


class Allocation(Objective):
    """Each step of the forecast is shared among the sources; see docs/allocation.md."""

    sources: list[AllocatedSource] = Field(min_length=1, description="The sources of energy.")
    availability: AvailabilityTable | None = Field(default=None, description="Where columns of availability are read.")
    conflicts: Literal["fail", "relax"] = Field(
        default="fail",
        description="Where no allocation keeps every limit: end the run, or keep the one that misses them least.",
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Allocation:
        names = [source.name for source in self.sources]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"Two sources are called '{twice[0]}': give each a name of its own.")
        columns = [source.availability for source in self.sources if isinstance(source.availability, str)]
        if columns and self.availability is None:
            raise ValueError(
                f"availability: {columns[0]} names a column: say under allocation.availability of which table."
            )
        if self.min_renewable_share and not any(source.renewable for source in self.sources):
            raise ValueError("min_renewable_share needs a source with renewable: true.")
        return self


def check_allocation(spec: PipelineSpec) -> None:
    """Refuse an allocation without a forecast to allocate. Raises ValueError."""
    if spec.allocation is not None and str(spec.task) != "forecast":
        raise ValueError(f"The section 'allocation' is for task: forecast; this task is {spec.task}.")
