"""The words of a pipeline spec, typed: what a person may write, and what it means when left out.

The kinds of sources, steps and estimators come from their registries; this module only puts them together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from pydantic import Field, field_validator, model_validator

from millrace.estimators import CANDIDATES
from millrace.estimators.base import Candidate, Task
from millrace.features import STEPS as FEATURE_STEPS
from millrace.features.base import FeatureStep
from millrace.forecasting.candidates import FORECASTERS
from millrace.forecasting.plan import ForecastPlan
from millrace.quality.base import Expectation, Quarantine
from millrace.sources import SINKS, SOURCES
from millrace.sources.base import Sink, Source
from millrace.spec.allocation import Allocation, check_allocation
from millrace.spec.forecast import check_forecast
from millrace.spec.memory import Memory
from millrace.spec.metrics import METRICS, PRIMARY_METRIC, metric_names
from millrace.spec.monitoring import Monitoring
from millrace.spec.promotion import Promotion
from millrace.spec.schedule import AssetSchedule, checked_cron
from millrace.spec.score import Score, check_score
from millrace.spec.search import Search, candidates_type
from millrace.spec.training import Training
from millrace.strict import StrictModel, union_of
from millrace.transforms import STEPS as TRANSFORM_STEPS
from millrace.transforms.base import TransformStep

if TYPE_CHECKING:
    AnySource: TypeAlias = Source
    AnySink: TypeAlias = Sink
    AnyTransform: TypeAlias = TransformStep
    AnyFeature: TypeAlias = FeatureStep
    Candidates: TypeAlias = list[Candidate]
else:
    AnySource = union_of(SOURCES, "type")
    AnySink = union_of(SINKS, "type")
    AnyTransform = union_of(TRANSFORM_STEPS, "step")
    AnyFeature = union_of(FEATURE_STEPS, "step")
    Candidates = candidates_type((*CANDIDATES, *FORECASTERS))


class Split(StrictModel):
    """How the held-out rows are chosen."""

    by: Literal["time", "random", "group"] = Field(description="time: the last rows; group: whole groups.")
    test: float = Field(default=0.2, gt=0, lt=1, description="Share of rows held out.")
    column: str | None = Field(default=None, description="Time or group column; default: the source's timestamp.")
    folds: int = Field(default=5, ge=2, le=20, description="Folds of the cross-validation that chooses the best.")
    seed: int = Field(default=17, ge=0, lt=2**32, description="Seed of a random split.")


class Serving(StrictModel):
    """How the champion is served."""

    cache_seconds: int = Field(default=3600, ge=0, description="How long an answer may be reused; 0: never.")


class PipelineSpec(StrictModel):
    """One pipeline: from a source to a sink, to a served model, or to both."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$", description="Lower-case letters, digits, '-' and '_'.")
    description: str = Field(default="", description="One sentence for people.")
    owner: str = Field(default="millrace", description="Team that answers for it.")
    tags: list[str] = Field(default_factory=list, description="Words to find it by in Airflow.")
    schedule: str | AssetSchedule | None = Field(default=None, description="Cron, preset, {assets: [...]}, or nothing.")
    source: AnySource
    expectations: list[Expectation] = Field(default_factory=list, description="What the raw table must satisfy.")
    quarantine: Quarantine = Field(default_factory=Quarantine)
    transform: list[AnyTransform] = Field(default_factory=list, description="Table-wise steps, in order.")
    memory: Memory = Field(default_factory=Memory, description="What a step may hold that needs the whole table.")
    features: list[AnyFeature] = Field(default_factory=list, description="Row-wise steps, in order.")
    load: list[AnySink] = Field(default_factory=list, description="Where the transformed table is written.")
    task: Task | None = Field(default=None, description="Nothing: a plain ETL.")
    target: str | list[str] | None = Field(default=None, description="Column to predict; several for a regression.")
    split: Split | None = None
    forecast: ForecastPlan | None = Field(default=None, description="The series, their grid and the horizon.")
    allocation: Allocation | None = Field(default=None, description="The sources that share the forecast demand.")
    training: Training = Field(default_factory=Training, description="What happens to a table with very many rows.")
    candidates: Candidates = Field(default_factory=list, description="Estimators to try, or `auto`.")
    search: Search = Field(default_factory=Search, description="Budget of the search for parameters.")
    promotion: Promotion = Field(default_factory=Promotion)
    serving: Serving | None = None
    score: Score | None = Field(default=None, description="Batches of predictions, scheduled or by hand.")
    monitoring: Monitoring | None = None

    @field_validator("schedule")
    @classmethod
    def _readable_schedule(cls, schedule: str | AssetSchedule | None) -> str | AssetSchedule | None:
        return checked_cron(schedule) if isinstance(schedule, str) else schedule

    @model_validator(mode="after")
    def _parts_fit_together(self) -> PipelineSpec:
        if self.task is None:
            self._refuse_training_keys()
        else:
            self._check_training()
        return self

    def _refuse_training_keys(self) -> None:
        written = [
            key
            for key in ("target", "candidates", "features", "split", "forecast", "allocation", "monitoring", "score")
            if getattr(self, key)
        ]
        written += ["training"] if self.training != Training() else []
        if written:
            raise ValueError(
                f"'{written[0]}' is given, but no 'task'. Add a task ({', '.join(get_args(Task))}); "
                f"or remove {', '.join(written)} for a plain ETL."
            )

    def _check_training(self) -> None:
        task = str(self.task)
        self._check_target(task)
        self._check_candidates(task)
        if self.promotion.metric is not None and self.promotion.metric not in metric_names(task):
            raise ValueError(
                f"promotion.metric '{self.promotion.metric}' is no metric of a {task}. "
                f"Allowed: {', '.join(metric_names(task))}."
            )
        self.promotion.check_limit(task, self.metric, greater_is_better=self.greater_is_better)
        check_forecast(self)
        check_score(self.score, task)
        check_allocation(self)
        self.promotion.check_rollback(task, self.metric)
        self.watching.check_task(task, self.metric)
        if self.split is not None and self.split.by == "group" and self.split.column is None:
            raise ValueError("split.by: group needs split.column: the column whose groups stay together.")
        if self.split is not None and self.split.by == "time" and self.time_column is None:
            raise ValueError("split.by: time needs split.column, or a source.timestamp.")
        if self.training.beyond == "recent" and self.time_column is None:
            raise ValueError("training.beyond: recent needs a time: give a source.timestamp, or write beyond: sample.")

    def _check_target(self, task: str) -> None:
        if task == "clustering" and self.target is not None:
            raise ValueError("A clustering has no target: remove 'target', or choose another task.")
        if task != "clustering" and not self.target:
            raise ValueError(f"task: {task} needs a 'target': the column to predict.")
        if task != "regression" and isinstance(self.target, list):
            raise ValueError("Several targets are for task: regression; name one column.")
        if len(set(self.targets)) < len(self.targets):
            raise ValueError(f"'target' names a column twice: {', '.join(self.targets)}. Name each once.")

    def _check_candidates(self, task: str) -> None:
        if not self.candidates:
            raise ValueError(f"task: {task} needs at least one entry in 'candidates'.")
        labels = [candidate.label for candidate in self.candidates]
        twice = sorted({label for label in labels if labels.count(label) > 1})
        if twice:
            raise ValueError(f"Two candidates are called '{twice[0]}': give each a 'name' of its own.")
        for candidate in self.candidates:
            if task not in candidate.tasks:
                raise ValueError(
                    f"{candidate.estimator} cannot do a {task}. It can do: {', '.join(sorted(candidate.tasks))}."
                )

    @property
    def watching(self) -> Monitoring:
        """How the champion is watched: as written, or by the defaults."""
        return self.monitoring or Monitoring()

    @property
    def is_watched(self) -> bool:
        """Whether a check of the champion has anything to look at."""
        return self.watching.watches or (self.task is not None and self.promotion.rollback is not None)

    @property
    def targets(self) -> list[str]:
        """The target columns as a list; empty for a clustering or an ETL."""
        if self.target is None:
            return []
        return [self.target] if isinstance(self.target, str) else list(self.target)

    @property
    def time_column(self) -> str | None:
        """The column that orders the rows in time, if any."""
        if self.forecast is not None and self.forecast.time is not None:
            return self.forecast.time
        if self.split is not None and self.split.by == "time" and self.split.column is not None:
            return self.split.column
        return self.source.timestamp.as_ if self.source.timestamp else None

    @property
    def splitting(self) -> Split:
        """The split in force: as written, else by time where rows have one, else at random."""
        return self.split or Split(by="time" if self.time_column else "random")

    @property
    def metric(self) -> str:
        """The metric that decides a promotion."""
        return self.promotion.metric or PRIMARY_METRIC[str(self.task)]

    @property
    def greater_is_better(self) -> bool:
        """Whether a larger value of the deciding metric is the better one."""
        return self.is_greater_better(self.metric)

    def is_greater_better(self, metric: str) -> bool:
        """Whether a larger value of this metric of the task is the better one."""
        return METRICS[str(self.task)][metric]

    def as_document(self) -> dict[str, Any]:
        """The spec as JSON with every default filled in."""
        return self.model_dump(mode="json", by_alias=True)
