"""The section `score` of a spec: which table is scored by the batch, when, and where the answers go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from pydantic import Field, field_validator

from millrace.sources import SINKS, SOURCES
from millrace.sources.base import Sink, Source
from millrace.spec.schedule import checked_cron
from millrace.strict import StrictModel, union_of

if TYPE_CHECKING:
    AnySource: TypeAlias = Source
    AnySink: TypeAlias = Sink
else:
    AnySource = union_of(SOURCES, "type")
    AnySink = union_of(SINKS, "type")

PRESETS = ("@once", "@hourly", "@daily", "@weekly", "@monthly", "@quarterly", "@yearly")
OnBadRows = Literal["fail", "skip"]


class Score(StrictModel):
    """A scheduled batch of predictions."""

    schedule: str | None = Field(
        default=None, description="Cron or preset; `model`: whenever there is a new champion; nothing: by hand."
    )
    source: AnySource = Field(description="The rows to score, with the model's input columns.")
    sinks: list[AnySink] = Field(min_length=1, description="Where the answers are written.")
    version: str = Field(default="champion", description="Alias or number of the version that answers.")
    on_bad_rows: OnBadRows = Field(
        default="fail", description="fail: nothing is written; skip: they go to a file of rejects."
    )
    keep: list[str] | None = Field(
        default=None, description="Columns carried along; default: those that are no inputs of the model, such as ids."
    )
    probabilities: bool = Field(default=False, description="Also write the probability of each class.")

    @field_validator("schedule")
    @classmethod
    def _readable(cls, schedule: str | None) -> str | None:
        return None if schedule is None else checked_cron(schedule, ("model", *PRESETS))


def check_score(score: Score | None, task: str) -> None:
    """Refuse batches of a task that has none. Raises ValueError."""
    if score is not None and task == "forecast":
        raise ValueError("A forecast is made ahead for its whole horizon: remove 'score'.")
