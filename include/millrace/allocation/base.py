"""What a source of energy and an objective are. It imports no array library: every reading of a spec comes by here."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from millrace.strict import StrictModel


class EnergySource(StrictModel):
    """One source of energy."""

    name: str = Field(min_length=1, description="Name of the source; also its key in the stored allocation.")
    capacity: float = Field(gt=0, allow_inf_nan=False, description="Largest output in MW.")
    cost: float = Field(default=0.0, allow_inf_nan=False, description="Cost of a MWh.")
    co2: float = Field(default=0.0, ge=0, allow_inf_nan=False, description="CO2 of a MWh, in kg.")
    renewable: bool = Field(default=False, description="Whether it counts for min_renewable_share.")
    min_output: float = Field(default=0.0, ge=0, allow_inf_nan=False, description="Least output in MW: it must run.")
    ramp: float | None = Field(default=None, ge=0, allow_inf_nan=False, description="Largest change in MW an hour.")

    @model_validator(mode="after")
    def _least_below_largest(self) -> EnergySource:
        if self.min_output > self.capacity:
            raise ValueError(f"min_output {self.min_output:g} is larger than the capacity {self.capacity:g}.")
        return self


class Objective(StrictModel):
    """What is to be least, and what all sources together must keep."""

    least: Literal["cost", "co2"] = Field(default="cost", description="What is minimised.")
    carbon_price: float = Field(
        default=0.0, ge=0, allow_inf_nan=False, description="least: cost: what a tonne of CO2 adds to the cost."
    )
    min_renewable_share: float = Field(
        default=0.0, ge=0, le=1, description="Least share of the demand from renewables."
    )
    renewable_over: Literal["hour", "horizon"] = Field(
        default="hour", description="Whether that share holds in each hour, or over all hours together."
    )
