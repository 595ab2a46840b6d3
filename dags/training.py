"""One Airflow DAG for each pipeline spec: which stages run, when, and in what order.

Wiring only: a task calls `millrace.pipeline.perform` and hands its small JSON output on by XCom. This file is parsed
every few seconds and at the start of every task, so it imports nothing heavy, opens no connection, and reads one spec
alone where Airflow asks for one DAG. It must not raise for a broken spec: `spec_errors.py` shows those.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import (
    DAG,
    Asset,
    AssetAlias,
    AssetAll,
    AssetAny,
    AssetOrTimeSchedule,
    CronDataIntervalTimetable,
    Param,
    get_current_context,
    get_parsing_context,
    task,
)
from airflow.sdk.definitions.timetables.simple import OnceTimetable
from dag_defaults import MOMENT, START, default_args

from millrace.settings import get_settings
from millrace.spec.catalogue import LoadedSpec
from millrace.spec.installed import specs_by_dag
from millrace.spec.models import PipelineSpec
from millrace.spec.schedule import AssetSchedule
from millrace.task_end import end_task

if TYPE_CHECKING:
    from millrace.stages.base import RunContext


TABLE = "table"
"""XCom key of the output of `transform`: Airflow maps over return values only, so that task returns the candidates."""
TIMEOUTS = {
    "extract": timedelta(hours=2),
    "validate": timedelta(hours=1),
    "transform": timedelta(hours=2),
    "load": timedelta(hours=2),
    "train": timedelta(hours=12),
    "evaluate": timedelta(hours=1),
    "register": timedelta(minutes=30),
    "forecast": timedelta(hours=1),
}
PARAMS = {
    "use_cache": Param(True, type="boolean", title="Reuse unchanged stages", description="Off: do all of them again."),
    "interval_start": Param(None, **MOMENT, title="Start of the data interval", description="Inclusive."),
    "interval_end": Param(None, **MOMENT, title="End of the data interval", description="Exclusive."),
}


def build_dag(loaded: LoadedSpec) -> DAG:
    """The DAG of one pipeline."""
    spec = loaded.spec
    with DAG(
        dag_id=spec.name,
        description=spec.description or None,
        doc_md=_documentation(loaded),
        schedule=_schedule(spec),
        start_date=START,
        catchup=False,
        max_active_runs=1,
        tags=["millrace", *spec.tags],
        params=PARAMS,
        default_args=default_args(spec.owner, timedelta(seconds=5), timedelta(minutes=5)),
    ) as dag:
        _chain(spec)
    return dag


def _chain(spec: PipelineSpec) -> None:
    dataset, champion = Asset(f"dataset/{spec.name}", group="dataset"), AssetAlias(f"champion/{spec.name}")
    extracted = _stage("extract")()
    validated = _stage("validate")(extract=extracted)
    labels = _stage("transform", outlets=[] if spec.load else [dataset])(validate=validated)
    table = labels[TABLE]
    delivered = _stage("load", outlets=[dataset])(transform=table) if spec.load else None
    if spec.task is None:
        return
    train = _stage("train", map_index_template="{{ task.op_kwargs['candidate'] }}")
    trained = train.partial(transform=table).expand(candidate=labels)
    if delivered is not None:
        delivered >> trained
    evaluated = _stage("evaluate")(transform=table, train=trained)
    registered = _stage("register", outlets=[champion])(transform=table, train=trained, evaluate=evaluated)
    if spec.task == "forecast":
        _stage("forecast")(transform=table, register=registered)
    if spec.promotion.approval == "human":
        _asking(spec, registered)


def _asking(spec: PipelineSpec, registered: Any) -> None:
    """Have a person asked about a version that waits, by a DAG of its own: the pipeline's next run need not wait.

    The question is named by the two versions, so that it is asked once, however often a run finds the same.
    """
    from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator

    waits = task.short_circuit(task_id="has_challenger")(_waits)(register=registered)
    asked = TriggerDagRunOperator(
        task_id="ask",
        trigger_dag_id=f"approval.{spec.name}",
        trigger_run_id=f"version-{{{{ {_REGISTERED}['model_version'] }}}}-against-"
        f"{{{{ ({_REGISTERED}['decision']['champion'] or {{}}).get('version', 'none') }}}}",
        conf={"run": "{{ run_id }}", "comparison": f"{{{{ {_REGISTERED}['decision']['comparison'] }}}}"},
        logical_date=None,
        skip_when_already_exists=True,
    )
    waits >> asked


_REGISTERED = "ti.xcom_pull(task_ids='register')"


def _waits(register: dict[str, Any]) -> bool:
    return bool(register["decision"]["outcome"] == "waiting")


def _stage(stage: str, **options: Any) -> Any:
    """The Airflow task of a stage; call it with the outputs of the stages before it, by their names."""
    return task(task_id=stage, execution_timeout=TIMEOUTS[stage], **options)(_perform)


def _perform(candidate: str | None = None, **outputs: Any) -> Any:
    context = get_current_context()
    inputs = {stage: _READ[stage](output) if stage in _READ else output for stage, output in outputs.items()}
    try:
        return _performed(context, inputs, candidate)
    except Exception as error:
        end_task(error)


_READ: dict[str, Any] = {"train": list}
"""How an output is read that is no JSON object of a stage: mapped ones come one by one."""


def _performed(context: Any, inputs: dict[str, Any], candidate: str | None) -> Any:
    from millrace import pipeline
    from millrace.stages.training.candidates import all_candidates

    stage, run = context["ti"].task_id, _run_context(context)
    output = pipeline.perform(run, stage, inputs, candidate)
    _announce(context, inputs, output)
    if stage != "transform":
        return output
    context["ti"].xcom_push(TABLE, output)
    return list(all_candidates(run.spec)) if run.spec.task else []


def _run_context(context: Any) -> RunContext:
    from millrace.dag_run import DagRun

    run, params = context["dag_run"], context["params"]
    facts = DagRun(run.dag_id, run.run_id, params, run.data_interval_start, run.data_interval_end)
    return facts.open(SPECS[run.dag_id])


def _announce(context: Any, inputs: dict[str, Any], output: dict[str, Any]) -> None:
    """Say in the asset events which version the run made; a champion has an event only when it is a new one."""
    name, events = context["dag"].dag_id, context["outlet_events"]
    for outlet in context["task"].outlets:
        if isinstance(outlet, Asset):
            dataset = (output if "dataset" in output else inputs["transform"])["dataset"]
            events[outlet].extra = {"dataset_version": dataset["version"], "rows": dataset["rows"]}
        elif output["promoted"]:
            champion = Asset(f"model/{name}", group="model")
            events[outlet].add(champion, extra={"model_version": output["model_version"]})


def _schedule(spec: PipelineSpec) -> Any:
    """The schedule of the spec; where drift trains again, also the asset that a check updates then."""
    schedule = _written_schedule(spec.schedule)
    if spec.monitoring is None or spec.monitoring.retrain != "on_drift" or spec.schedule == "@continuous":
        return schedule
    drift = Asset(f"drift/{spec.name}", group="drift")
    if schedule is None:
        return [drift]
    if isinstance(schedule, list):
        return AssetAny(AssetAll(*schedule), drift)
    timetable = OnceTimetable() if schedule == "@once" else schedule
    return AssetOrTimeSchedule(timetable=timetable, assets=[drift])


def _written_schedule(schedule: str | AssetSchedule | None) -> Any:
    if isinstance(schedule, AssetSchedule):
        return [Asset(asset, group=asset.partition("/")[0]) for asset in schedule.assets]
    if schedule is None or schedule in {"@once", "@continuous"}:
        return schedule
    return CronDataIntervalTimetable(schedule, timezone="UTC")


def _documentation(loaded: LoadedSpec) -> str:
    """What the DAG's page says: the spec as it was written, which holds no secret because `${}` is unfilled there."""
    try:
        text = loaded.path.read_text(encoding="utf-8")
    except OSError:  # removed this very moment: that must not hide the other pipelines
        text = "# This file has gone."
    return f"{loaded.spec.description}\n\n`{loaded.path.name}`, {loaded.named_version}:\n\n```yaml\n{text}\n```\n"


SPECS = specs_by_dag(get_settings(), get_parsing_context().dag_id)
for _loaded in SPECS.values():
    build_dag(_loaded)
