"""Starts a run in Airflow and follows it: the stages from the run record, the end from Airflow."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from millrace.cli.airflow_api import AirflowApi
from millrace.cli.output import note
from millrace.cli.progress import StageProgress, stage_progress
from millrace.errors import MillraceError, NotFoundError, StackError

if TYPE_CHECKING:
    from millrace.settings import Settings
    from millrace.sources.base import DataInterval
    from millrace.spec.catalogue import LoadedSpec
    from millrace.stores.base import RunStore

POLL_SECONDS = 0.1
LOOK_SECONDS = 0.5
PARSE_SECONDS = 120
OLDER_SECONDS = 30
"""How long Airflow may go on with an older version of a spec, once it was asked to read it."""
PARSED = "training.py"
"""The file of the DAG folder that makes the DAGs of pipelines."""
RECORD_SECONDS = 15
"""How long the record may lag behind Airflow's own word that the run has ended."""
SILENT_SECONDS = 300
"""How long Airflow may leave the questions after a run unanswered: a busy machine is slow, the run goes on."""
OVER = {"success", "failed"}


def run_in_airflow(
    loaded: LoadedSpec, interval: DataInterval | None, use_cache: bool, settings: Settings
) -> dict[str, Any]:
    """Trigger the pipeline's DAG, show its stages, and return the run's summary."""
    from millrace import pipeline
    from millrace.stores.runs import MongoRunStore

    api, name = AirflowApi(settings), loaded.spec.name
    wait_until_parsed(api, loaded)
    conf: dict[str, Any] = {"use_cache": use_cache}
    if interval is not None:
        conf |= {"interval_start": interval.start.isoformat(), "interval_end": interval.end.isoformat()}
    dag_run_id = api.trigger(name, conf)["dag_run_id"]
    run_id = pipeline.airflow_run_id(name, dag_run_id)
    note(f"run {run_id} of {name}, in Airflow at {settings.airflow}/dags/{name}/runs/{dag_run_id}")
    runs = MongoRunStore(settings)
    try:
        with stage_progress() as progress:
            state = _follow(api, runs, name, dag_run_id, run_id, progress)
    except KeyboardInterrupt:
        note(f"The run goes on in Airflow; 'millrace runs show {run_id}' shows it.")
        raise
    return _summary(runs, run_id, state, settings)


def wait_until_parsed(api: AirflowApi, loaded: LoadedSpec) -> None:
    """Wait for Airflow to know the pipeline as its spec stands; it looks by itself only now and then."""
    name, began = loaded.spec.name, time.monotonic()
    dag = api.dag(name)
    if not _is_of(dag, loaded):
        note(f"waiting for Airflow to read the spec of {name} …")
        api.parse_soon(PARSED)
    while not _is_of(dag, loaded):
        waited = time.monotonic() - began
        if dag is None and waited > PARSE_SECONDS:
            raise _not_parsed(api, name)
        if dag is not None and waited > OLDER_SECONDS:
            note(f"Airflow has another version of the spec of {name} than stands here, and goes on with that one.")
            break
        time.sleep(LOOK_SECONDS)
        dag = api.dag(name)
    if dag is not None and dag.get("is_paused"):
        api.unpause(name)
        note(f"{name} was paused in Airflow, so that no run would begin. It is not any more, and its schedule goes on.")


def _is_of(dag: dict[str, Any] | None, loaded: LoadedSpec) -> bool:
    return dag is not None and loaded.named_version in (dag["doc_md"] or "")


def _not_parsed(api: AirflowApi, name: str) -> StackError:
    errors = [str(error.get("stack_trace", "")).strip().splitlines()[-1:] for error in api.import_errors()]
    said = "; ".join(line for lines in errors for line in lines) or "it reports no import error"
    return StackError(
        f"Airflow has not read the pipeline '{name}' within {PARSE_SECONDS} s: {said}.",
        hint="Check that Airflow uses the same MILLRACE_PIPELINES_DIR, and 'millrace status'.",
    )


def _follow(
    api: AirflowApi, runs: RunStore, name: str, dag_run_id: str, run_id: str, progress: StageProgress
) -> dict[str, Any]:
    answered, silent = time.monotonic(), False
    while True:
        try:
            state = api.dag_run(name, dag_run_id)
        except StackError as error:
            if time.monotonic() - answered > SILENT_SECONDS:
                goes_on = f"The run may go on; 'millrace runs show {run_id}' shows it."
                raise StackError(f"{error.message} {goes_on}", hint="See 'millrace status'.") from error
            if not silent:
                note(f"{error.message} Waiting for it; the run goes on.")
            silent = True
            time.sleep(POLL_SECONDS)
            continue
        answered, silent = time.monotonic(), False
        show_stages(runs, run_id, progress)
        if state["state"] in OVER:
            return state
        time.sleep(POLL_SECONDS)


def show_stages(runs: RunStore, run_id: str, progress: StageProgress) -> None:
    """Hand the stages of the run record to the progress display; a record that is not there yet shows nothing."""
    try:
        stages = runs.get_run(run_id).get("stages", {})
    except MillraceError:
        return
    for stage, fields in sorted(stages.items(), key=lambda item: str(item[1].get("started_at"))):
        progress(stage, fields.get("status", "queued"), float(fields.get("seconds") or 0))


def _summary(runs: RunStore, run_id: str, state: dict[str, Any], settings: Settings) -> dict[str, Any]:
    from millrace.run_summary import run_summary

    until = time.monotonic() + RECORD_SECONDS
    while True:
        try:
            document = runs.get_run(run_id)
        except NotFoundError as error:
            raise StackError(
                f"Airflow ended the run as {state['state']}, but it wrote no run record.",
                hint=f"Look at the task's log in Airflow: {settings.airflow}.",
            ) from error
        if document.get("status") in OVER or time.monotonic() > until:
            return run_summary(document)
        time.sleep(POLL_SECONDS)
