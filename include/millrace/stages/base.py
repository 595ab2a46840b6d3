"""Runs one stage: marks it in the run record, reuses an unchanged output, keeps its outcome or its error.

A stage is a plain function of a context and the outputs before it; it knows nothing of Airflow, and nothing of this
module's bookkeeping.
"""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from millrace.code_version import code_version
from millrace.errors import MillraceError
from millrace.revealed import hidden, hidden_in
from millrace.sources.base import DataInterval
from millrace.spec.models import PipelineSpec
from millrace.stores.base import ArtifactStore, CredentialStore, ModelRegistry, RunStore
from millrace.strict import StrictModel

log = logging.getLogger(__name__)
OutputT = TypeVar("OutputT", bound=StrictModel)


@dataclass(frozen=True)
class RunContext:
    """One run: its spec and interval, and the stores it works on."""

    run_id: str
    spec: PipelineSpec
    spec_version: str
    runs: RunStore
    artifacts: ArtifactStore
    registry: ModelRegistry
    credentials: CredentialStore | None = None
    interval: DataInterval | None = None
    code_version: str = field(default_factory=code_version)
    use_cache: bool = True
    _warnings: list[str] = field(default_factory=list)

    def warn(self, sentence: str) -> None:
        """Keep one sentence for the run's warnings."""
        sentence = hidden(sentence)
        log.warning("%s: %s", self.run_id, sentence)
        if sentence not in self._warnings:
            self._warnings.append(sentence)

    def taken_warnings(self) -> list[str]:
        """The warnings since the last call."""
        taken = list(self._warnings)
        self._warnings.clear()
        return taken


def cache_key(stage: str, inputs: dict[str, Any]) -> str:
    """The key of a stage's output: a hash of its name, of the code's version and of all that it depends on."""
    text = json.dumps([stage, code_version(), inputs], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def run_stage(
    context: RunContext,
    stage: str,
    output_type: type[OutputT],
    work: Callable[[], OutputT],
    *,
    key: str | None = None,
    still_there: Callable[[OutputT], bool] | None = None,
) -> OutputT:
    """Do `work` as the stage `stage` of this run, or reuse the output of a run with the same `key`.

    `still_there` checks that the artifacts of a reused output exist. Whatever `work` raises is written into the run
    record as one sentence and raised again.
    """
    token = context.runs.start_stage(context.run_id, stage)
    log.info("%s of %s begins (spec version %s)", stage, context.run_id, context.spec_version)
    started = time.perf_counter()
    try:
        output = _reused(context, stage, output_type, key, still_there)
        reused = output is not None
        if output is None:
            output = work()
    except BaseException as error:
        _keep_failure(context, stage, token, error, time.perf_counter() - started)
        raise
    fields = {
        "status": "success",
        "reused": reused,
        "cache_key": key,
        "seconds": time.perf_counter() - started,
        "output": output.model_dump(mode="json"),
        "warnings": context.taken_warnings(),
        "error": None,
    }
    context.runs.finish_stage(context.run_id, stage, token, fields)
    log.info("%s of %s: %s in %.1f s", stage, context.run_id, "reused" if reused else "done", fields["seconds"])
    return output


def _keep_failure(context: RunContext, stage: str, token: str, error: BaseException, seconds: float) -> None:
    """Write the stage's error into the record; where that fails too, the stage's own error is the one to raise."""
    fields = {"status": "failed", "error": error_document(error), "seconds": seconds}
    try:
        context.runs.finish_stage(context.run_id, stage, token, {**fields, "warnings": context.taken_warnings()})
    except MillraceError as unkept:
        log.error("%s: the failure of %s could not be recorded: %s", context.run_id, stage, unkept)


def error_document(error: BaseException) -> dict[str, Any]:
    """Any error as `{"code", "message"}` in one sentence; an unexpected one keeps its kind for the log's reader."""
    if isinstance(error, MillraceError):
        document: dict[str, Any] = hidden_in(error.as_document())
        return document
    if isinstance(error, MemoryError):
        return {"code": "out_of_memory", "message": "The stage ran out of memory. Give it more, or read fewer rows."}
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        where = error.filename or f"temporary files go to {tempfile.gettempdir()}"
        return {"code": "disk_full", "message": f"The disk is full ({where}). Free some space and retry."}
    text = str(error).strip().splitlines()
    said = hidden(f"{type(error).__name__}: {text[0] if text else 'no message'}")
    if not isinstance(error, Exception):  # nothing that the stage did: a signal, a person, a scheduler's time limit
        return {"code": "interrupted", "message": f"The stage was ended from outside before it was done ({said})."}
    return {"code": "internal_error", "message": said}


def _reused(
    context: RunContext,
    stage: str,
    output_type: type[OutputT],
    key: str | None,
    still_there: Callable[[OutputT], bool] | None,
) -> OutputT | None:
    if key is None or not context.use_cache:
        return None
    document = context.runs.cached_output(stage, key)
    if document is None:
        return None
    output = output_type.model_validate(document["output"])
    if still_there is not None and not still_there(output):
        return None
    for sentence in document.get("warnings", []):
        context.warn(sentence)
    return output
