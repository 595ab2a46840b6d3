"""The spec's section `memory`: what happens where a transform step needs the whole table and the table is large.

It only says what was declared; holding and choosing rows belongs to the stages.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from millrace.strict import StrictModel


class Memory(StrictModel):
    """Row-wise steps take a table of any length part by part; what stands here is for the other steps."""

    max_rows: int | None = Field(
        default=None, ge=100, description="Most rows that a step may get as a whole; default: what fits the memory."
    )
    beyond: Literal["fail", "sample"] = Field(
        default="fail", description="A larger table: an error, or a seeded sample of its rows, which is warned of."
    )
    seed: int = Field(default=17, ge=0, lt=2**32, description="Seed of the sample.")

    @model_validator(mode="after")
    def _sample_of_a_size(self) -> Memory:
        if self.beyond == "sample" and self.max_rows is None:
            raise ValueError("memory.beyond: sample needs memory.max_rows: how many rows are kept.")
        return self
