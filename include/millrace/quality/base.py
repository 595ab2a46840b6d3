"""What an expectation is in a spec, and what a validation has to say."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from millrace.errors import did_you_mean
from millrace.quality.catalogue import KNOWN, Known
from millrace.strict import StrictModel

IGNORED_ROWS = ("all_values_are_missing", "any_value_is_missing", "never")
OnFailure = Literal["fail", "warn", "quarantine"]


class Expectation(BaseModel):
    """One Great Expectations expectation: `expect` is its type, the other keys are its arguments."""

    model_config = ConfigDict(extra="allow", frozen=True)

    expect: str = Field(
        description="Great Expectations type, e.g. expect_column_values_to_not_be_null.",
        json_schema_extra={"enum": list(KNOWN)},
    )
    on_failure: OnFailure = Field(default="fail", description="What a failure does to the run or to the rows.")

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments for Great Expectations (`column`, `min_value`, `mostly`, …)."""
        return dict(self.model_extra or {})

    @property
    def known(self) -> Known:
        """What the catalogue says of this expectation."""
        return KNOWN[self.expect]

    @property
    def columns(self) -> list[str]:
        """The columns that the expectation reads; empty for one about the table as a whole."""
        if self.known.scope in {"table", "count"}:
            return []
        arguments = self.arguments
        single = [arguments[name] for name in ("column", "column_A", "column_B") if name in arguments]
        return [*single, *arguments.get("column_list", [])]

    @property
    def mostly(self) -> float:
        """The share of values that must satisfy it."""
        return float(self.arguments.get("mostly", 1.0))

    @model_validator(mode="after")
    def _is_known(self) -> Expectation:
        if self.expect not in KNOWN:
            raise ValueError(f"there is no expectation '{self.expect}'. {did_you_mean(self.expect, KNOWN)}")
        allowed = (*self.known.required, *self.known.optional)
        for name in self.arguments:
            if name not in allowed:
                raise ValueError(f"'{name}' is no argument of {self.expect}. {did_you_mean(name, allowed)}")
        missing = [name for name in self.known.required if self.arguments.get(name) is None]
        if missing:
            raise ValueError(f"{self.expect} needs '{missing[0]}'.")
        self._check_values()
        if self.on_failure == "quarantine" and not self.known.has_rows:
            raise ValueError(
                f"{self.expect} is about the whole table, so no rows can be quarantined. "
                "Allowed for on_failure: fail, warn."
            )
        return self

    def _check_values(self) -> None:
        arguments = self.arguments
        if "mostly" in arguments and not (_is_number(arguments["mostly"]) and 0 < arguments["mostly"] <= 1):
            raise ValueError(f"mostly: {arguments['mostly']!r} is no share. Allowed: a number above 0 and up to 1.")
        if "min_value" in self.known.optional and arguments.get("min_value") is arguments.get("max_value") is None:
            raise ValueError(f"{self.expect} needs 'min_value', 'max_value' or both.")
        for name in ("column", "column_A", "column_B"):
            if not isinstance(arguments.get(name, ""), str):
                raise ValueError(f"{name}: {arguments[name]!r} is no column name. Put it in quotes.")
        for name in ("column_list", "value_set", "type_list", "regex_list", "column_set", "value_pairs_set"):
            if not isinstance(arguments.get(name, []), list):
                raise ValueError(f"{name}: {arguments[name]!r} is no list. Write [a, b].")
        self._check_several_columns()

    def _check_several_columns(self) -> None:
        arguments = self.arguments
        if self.known.scope in {"rows", "unique"} and len(set(arguments.get("column_list", "ab"))) < 2:
            raise ValueError(f"column_list: {arguments['column_list']!r} must name at least two columns.")
        if self.known.scope == "unique" and arguments.get("ignore_row_if", "never") not in IGNORED_ROWS:
            raise ValueError(f"ignore_row_if: {did_you_mean(str(arguments['ignore_row_if']), IGNORED_ROWS)}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


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
