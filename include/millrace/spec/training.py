"""The spec's section `training`: how many rows a model may learn from, and what happens to a table with more.

It only says what was declared; choosing the rows belongs to the stages.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from millrace.strict import StrictModel

MAX_ROWS = 2_000_000


class Training(StrictModel):
    """A table with more rows than `max_rows` is never held in memory as a whole to learn from."""

    max_rows: int = Field(default=MAX_ROWS, ge=100, description="Most rows that models learn from and are judged on.")
    beyond: Literal["fail", "sample", "recent"] = Field(
        default="fail", description="A larger table: an error; a seeded sample of its rows; or its newest rows."
    )
    seed: int = Field(default=17, ge=0, lt=2**32, description="Seed of the sample.")
