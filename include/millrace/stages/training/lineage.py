"""What every model carries with it: the run, the data, the spec and the code that made it."""

from __future__ import annotations

from typing import Any

from millrace.spec.models import Serving
from millrace.stages.base import RunContext, cache_key
from millrace.stages.outputs import Transformed
from millrace.stages.training.candidates import all_candidates
from millrace.stores.base import CACHE_TAG


def lineage_tags(context: RunContext, transformed: Transformed, candidate: str) -> dict[str, str]:
    """The tags of a training run and of a model version."""
    return {
        "millrace.run_id": context.run_id,
        "millrace.pipeline": context.spec.name,
        "millrace.spec_version": context.spec_version,
        "millrace.dataset_version": transformed.dataset.version,
        "millrace.code_version": context.code_version,
        "millrace.candidate": candidate,
        "millrace.task": str(context.spec.task),
        "millrace.training_key": training_key(context, transformed, candidate),
    }


def serving_tags(context: RunContext) -> dict[str, str]:
    """The tags of a model version that tell the service how to serve it."""
    return {CACHE_TAG: str((context.spec.serving or Serving()).cache_seconds)}


def keep_serving_tags(context: RunContext, version: str) -> None:
    """Bring the tags of a version in line with the spec, which may have changed without a need to train anew."""
    present = context.registry.version(context.spec.name, version).tags
    wanted = serving_tags(context)
    if any(present.get(tag) != value for tag, value in wanted.items()):
        context.registry.tag_version(context.spec.name, version, wanted)


def training_key(context: RunContext, transformed: Transformed, candidate: str) -> str:
    """A hash of all that a fitted candidate depends on: equal keys, equal models."""
    spec = context.spec
    written: dict[str, Any] = {
        "dataset": transformed.dataset.version,
        "features": [step.model_dump(mode="json") for step in spec.features],
        "task": spec.task,
        "target": spec.targets,
        "split": spec.splitting.model_dump(mode="json"),
        "time_column": spec.time_column,
        "forecast": None if spec.forecast is None else spec.forecast.model_dump(mode="json"),
        "training": spec.training.model_dump(mode="json"),
        "metric": spec.metric,
        "search": spec.search.model_dump(mode="json"),
        "candidate": all_candidates(spec)[candidate].model_dump(mode="json"),
    }
    return cache_key("train", written)
