"""The section `search` of a spec: how long parameters are looked for, and what is done with the best of them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from millrace.strict import StrictModel, union_of

AUTO_SECONDS = 60.0
AUTO_TRIALS = 200


class Search(StrictModel):
    """The budget of a search, for `candidates: auto` and for each candidate with a search space of its own."""

    seconds: float | None = Field(
        default=None,
        gt=0,
        le=86_400,
        description="Time of a search; auto without seconds and trials: 60; else no limit.",
    )
    trials: int | None = Field(
        default=None,
        ge=1,
        le=10_000,
        description="Most trials of auto (200); other candidates have their own `trials`.",
    )
    prune: bool = Field(default=True, description="Give a trial up when fold after fold lies behind the best one.")
    warm_start: bool = Field(default=True, description="Try the champion's parameters first.")
    ensemble: Literal["auto", "off"] = Field(
        default="auto", description="auto: several models are combined where cross-validation favours that."
    )
    calibration: Literal["auto", "on", "off"] = Field(
        default="auto", description="Probabilities mended on the folds; auto: for auto and stacking; on: for all."
    )
    threshold: Literal["auto", "on", "off"] = Field(
        default="auto", description="Thresholds between classes chosen on the folds; auto: for auto and stacking."
    )


def candidates_type(candidates: tuple[type[Any], ...]) -> Any:
    """The type of `candidates`: a list of these entries, or the word `auto`, which is a list of that one entry."""
    entry = union_of(candidates, "estimator")
    entries = list[entry]  # type: ignore[valid-type]
    return Annotated[entries, BeforeValidator(_written_out, json_schema_input_type=Literal["auto"] | entries)]


def _written_out(value: Any) -> Any:
    if isinstance(value, str) and value != "auto":
        raise ValueError(f"{value!r} is not allowed. Allowed: auto, or a list of {{estimator: ...}}.")
    return [{"estimator": "auto"}] if value == "auto" else value
