"""What an expectation is in a spec, and what a validation has to say."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from millrace.strict import StrictModel

OnFailure = Literal["fail", "warn", "quarantine"]


class Expectation(BaseModel):
    """One Great Expectations expectation: `expect` is its type, the other keys are its arguments."""

    model_config = ConfigDict(extra="allow", frozen=True)

    expect: str = Field(description="Great Expectations type, e.g. expect_column_values_to_not_be_null.")
    on_failure: OnFailure = Field(default="fail", description="What a failure does to the run or to the rows.")

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments for Great Expectations (`column`, `min_value`, `mostly`, …)."""
        return dict(self.model_extra or {})


class Quarantine(StrictModel):
    """How many rows may be set aside before the run stops."""

    max_share: float = Field(default=0.1, ge=0, le=1, description="Share of rows that may be quarantined.")


class ExpectationResult(StrictModel):
    """The outcome of one expectation over the whole table."""

    expect: str
    column: str | None = None
    arguments: dict[str, Any] = Field(default_factory=dict)
    on_failure: OnFailure
    success: bool
    rows: int = 0
    unexpected_count: int | None = None
    unexpected_share: float | None = None
    observed_value: Any = None
    examples: list[Any] = Field(default_factory=list)
    message: str
