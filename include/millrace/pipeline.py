"""The stages in their order: one at a time for a scheduler, or all of them in this process.

A scheduler calls `perform` for each task; `run_pipeline` does the same calls in a loop, so that both ways give the same
dataset version and the same metrics.
"""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from millrace.errors import RequestError
from millrace.run_summary import run_summary
from millrace.settings import Settings, get_settings
from millrace.sources.base import DataInterval
from millrace.spec.catalogue import LoadedSpec, spec_from_document
from millrace.spec.models import PipelineSpec
from millrace.spec.score import OnBadRows
from millrace.stages.base import RunContext, error_document
from millrace.stages.outputs import Evaluated, Extracted, Registered, Trained, Transformed, Validated
from millrace.stages.search.workers import lasting
from millrace.stages.training.candidates import all_candidates
from millrace.stores.artifacts import S3ArtifactStore
from millrace.stores.audit_log import MongoAuditLog
from millrace.stores.credentials import MongoCredentials
from millrace.stores.model_registry import MlflowRegistry
from millrace.stores.runs import MongoRunStore

log = logging.getLogger(__name__)
Progress = Callable[[str, str, float], None]
"""Called with a stage's name, its status (`running`, `success`, `failed`) and the seconds it took so far."""


def new_run_id(spec: PipelineSpec) -> str:
    """An id for a run outside Airflow: pipeline, UTC time, and four random bytes."""
    return f"{spec.name}--{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"


def new_scoring_id(name: str) -> str:
    """An id for a scoring outside Airflow, of the same form."""
    return f"{name}--score-{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"


def airflow_run_id(dag_id: str, dag_run_id: str) -> str:
    """The id of an Airflow run's record: the same for every task and retry of that run."""
    return f"{dag_id}--{re.sub(r'[^A-Za-z0-9]+', '-', dag_run_id).strip('-')}"


def open_context(
    loaded: LoadedSpec,
    run_id: str,
    *,
    interval: DataInterval | None = None,
    trigger: dict[str, Any] | None = None,
    settings: Settings | None = None,
    use_cache: bool = True,
) -> RunContext:
    """Open a run: create its record if it is absent, and go on with the spec that the record keeps if it is there."""
    settings = settings or get_settings()
    runs = MongoRunStore(settings)
    record = {
        "_id": run_id,
        "pipeline": loaded.spec.name,
        "spec_version": loaded.version,
        "spec": loaded.document,
        "status": "queued",
        "error": None,
        "interval": interval.as_document() if interval else None,
        "trigger": trigger or {"by": "local"},
        "created_at": datetime.now(UTC),
        "stages": {},
    }
    if not runs.create_run(record):
        kept = runs.get_run(run_id)
        if kept["spec_version"] != loaded.version:
            changed = "The spec has changed since this run began (%s then, %s now). The run goes on as it began; "
            log.warning(f"{changed}start a new run for the new one.", kept["spec_version"], loaded.version)
            loaded = spec_from_document(kept["spec"])
        interval = DataInterval.from_document(kept["interval"])
    return RunContext(
        run_id=run_id,
        spec=loaded.spec,
        spec_version=loaded.version,
        runs=runs,
        artifacts=S3ArtifactStore(settings),
        registry=MlflowRegistry(settings),
        credentials=MongoCredentials(settings),
        interval=interval,
        use_cache=use_cache,
    )


def stages_of(spec: PipelineSpec) -> list[str]:
    """The names of a pipeline's stages in their order."""
    names = ["extract", "validate", "transform"]
    if spec.load:
        names.append("load")
    if spec.task is not None:
        names += ["train", "evaluate", "register"]
    if spec.task == "forecast":
        names.append("forecast")
    return names


def perform(context: RunContext, stage: str, inputs: dict[str, Any], candidate: str | None = None) -> dict[str, Any]:
    """Do one stage with the outputs of the stages before it (JSON by stage name; `train` is a list).

    Returns the stage's own output as JSON. `candidate` is the one that `train` fits.
    """
    output = _STAGES[stage](context, inputs, candidate)
    document: dict[str, Any] = output.model_dump(mode="json")
    return document


def scoring(context: RunContext, version: str | None = None, on_bad_rows: OnBadRows | None = None) -> dict[str, Any]:
    """Score the table that the spec's section `score` names; returns the stage's output as JSON."""
    from millrace.stages.score import score

    document: dict[str, Any] = score(context, version, on_bad_rows).model_dump(mode="json")
    return document


def approval(loaded: LoadedSpec, run_id: str, answer: dict[str, Any]) -> dict[str, Any]:
    """Apply what was answered about the version of a run, which had ended and ends again; as the stage's JSON.

    Raises NotFoundError, RequestError for a run that registered nothing.
    """
    from millrace.stages.approval import Answer, settle

    kept = MongoRunStore(get_settings()).get_run(run_id)["stages"].get("register", {}).get("output")
    if kept is None:
        raise RequestError(f"The run {run_id} has registered no version.", hint="Name a run whose version waits.")
    context = open_context(loaded, run_id)
    try:
        audit = MongoAuditLog(get_settings())
        settled = settle(context, audit, Registered.model_validate(kept), Answer.model_validate(answer))
    except BaseException as error:
        close_run(context, error_document(error))
        raise
    close_run(context, None)
    document: dict[str, Any] = settled.model_dump(mode="json")
    return document


def run_pipeline(context: RunContext, progress: Progress | None = None) -> dict[str, Any]:
    """Run all stages in this process; returns the run's summary, also when a stage failed.

    Raises StorageError when the record itself cannot be written.
    """
    outputs: dict[str, Any] = {}
    failure: dict[str, Any] | None = None
    try:
        with lasting():
            for stage in stages_of(context.spec):
                outputs[stage] = _observed(context, stage, outputs, progress)
    except Exception as error:
        failure = error_document(error)
        log.debug("%s failed", context.run_id, exc_info=error)
    except BaseException as interruption:
        close_run(context, error_document(interruption))
        raise
    close_run(context, failure)
    return run_summary(context.runs.get_run(context.run_id))


def close_run(context: RunContext, error: dict[str, Any] | None) -> None:
    """Close the run's record: failed with `error`, or success."""
    context.runs.finish_run(context.run_id, "failed" if error else "success", error)


def _observed(context: RunContext, stage: str, outputs: dict[str, Any], progress: Progress | None) -> Any:
    report = progress or (lambda *_: None)
    started = time.perf_counter()
    report(stage, "running", 0.0)
    try:
        if stage == "train":
            output: Any = [perform(context, stage, outputs, label) for label in all_candidates(context.spec)]
        else:
            output = perform(context, stage, outputs)
    except BaseException:
        report(stage, "failed", time.perf_counter() - started)
        raise
    report(stage, "success", time.perf_counter() - started)
    return output


def _extract(context: RunContext, inputs: dict[str, Any], _: str | None) -> Any:
    from millrace.stages.extract import extract

    return extract(context)


def _validate(context: RunContext, inputs: dict[str, Any], _: str | None) -> Any:
    from millrace.stages.validate import validate

    return validate(context, Extracted.model_validate(inputs["extract"]))


def _transform(context: RunContext, inputs: dict[str, Any], _: str | None) -> Any:
    from millrace.stages.transform import transform

    return transform(context, Validated.model_validate(inputs["validate"]))


def _load(context: RunContext, inputs: dict[str, Any], _: str | None) -> Any:
    from millrace.stages.load import load

    return load(context, Transformed.model_validate(inputs["transform"]))


def _train(context: RunContext, inputs: dict[str, Any], candidate: str | None) -> Any:
    from millrace.stages.train import train

    if candidate is None:
        raise ValueError("train needs a candidate")
    return train(context, Transformed.model_validate(inputs["transform"]), candidate)


def _evaluate(context: RunContext, inputs: dict[str, Any], _: str | None) -> Any:
    from millrace.stages.evaluate import evaluate

    return evaluate(context, Transformed.model_validate(inputs["transform"]), _trained(inputs))


def _register(context: RunContext, inputs: dict[str, Any], _: str | None) -> Any:
    from millrace.stages.register import register

    transformed = Transformed.model_validate(inputs["transform"])
    return register(context, transformed, _trained(inputs), Evaluated.model_validate(inputs["evaluate"]))


def _forecast(context: RunContext, inputs: dict[str, Any], _: str | None) -> Any:
    from millrace.stages.forecast import forecast

    transformed = Transformed.model_validate(inputs["transform"])
    return forecast(context, transformed, Registered.model_validate(inputs["register"]))


def _trained(inputs: dict[str, Any]) -> list[Trained]:
    return [Trained.model_validate(document) for document in inputs["train"]]


_STAGES = {
    "extract": _extract,
    "validate": _validate,
    "transform": _transform,
    "load": _load,
    "train": _train,
    "evaluate": _evaluate,
    "register": _register,
    "forecast": _forecast,
}
