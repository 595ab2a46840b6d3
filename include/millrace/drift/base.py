"""The words of a comparison: its limits, what was found of each column, and the verdict on the table."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from millrace.strict import StrictModel

Check = Literal["distribution", "missing", "new_categories", "out_of_range"]


class DriftLimits(StrictModel):
    """When a column has drifted, and when the columns together have."""

    distance: float = Field(
        default=0.1, gt=0, lt=1, description="Distance of distributions (0 to 1) below which nothing has drifted."
    )
    share: float = Field(
        default=0.3, gt=0, le=1, description="Share of drifted columns that is a drift of the table as a whole."
    )
    significance: float = Field(
        default=0.001, gt=0, le=0.05, description="Chance of any false alarm of a window, over all its columns."
    )
    missing: float = Field(default=0.05, gt=0, le=1, description="Rise of a column's share of missing values.")
    new_categories: float = Field(default=0.01, gt=0, le=1, description="Share of values that training never saw.")
    out_of_range: float = Field(default=0.01, gt=0, le=1, description="Share of numbers beyond all of training.")
    ignore: list[str] = Field(default_factory=list, description="Columns that are not compared.")


class Measure(StrictModel):
    """One figure of one column, and the limit above which it is a finding."""

    value: float
    limit: float

    @property
    def exceeded(self) -> bool:
        """Whether the figure is a finding."""
        return self.value > self.limit


class ColumnComparison(StrictModel):
    """One column: what kind of values it holds, and its figures by check."""

    column: str
    kind: Literal["number", "category"]
    measures: dict[Check, Measure]
    examples: list[str] = Field(default_factory=list, description="Values that training never saw.")

    def exceeded(self, check: Check) -> bool:
        """Whether this check found something."""
        measure = self.measures.get(check)
        return measure is not None and measure.exceeded

    @property
    def drifted(self) -> bool:
        """Whether the distribution is another one."""
        return self.exceeded("distribution")


class Skipped(StrictModel):
    """A column that was not compared, and why."""

    column: str
    reason: str


class Comparison(StrictModel):
    """The verdict on one table against its reference."""

    rows: int
    reference_rows: int
    columns: list[ColumnComparison]
    skipped: list[Skipped] = Field(default_factory=list, description="Columns that were not compared, and why.")
    share_limit: float

    @property
    def drifted(self) -> list[ColumnComparison]:
        """The columns whose distribution is another one, the farthest first."""
        found = [column for column in self.columns if column.drifted]
        return sorted(found, key=lambda column: -column.measures["distribution"].value)

    @property
    def drift_share(self) -> float:
        """Share of the compared columns that have drifted."""
        return len(self.drifted) / len(self.columns) if self.columns else 0.0

    @property
    def table_drifted(self) -> bool:
        """Whether so many columns have drifted that the table is another one."""
        return bool(self.drifted) and self.drift_share >= self.share_limit
