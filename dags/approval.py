"""One Airflow DAG for each pipeline whose versions a person approves: the question, and what follows from the answer.

Wiring only: `training.py` starts a run for each version that waits, and the task calls `millrace.pipeline.approval`.
Its DAG is `approval.<pipeline>`, a name that no pipeline can have. While a question is open nothing runs and no slot
is held, and the pipeline's own runs go on.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import (
    DAG,
    Asset,
    AssetAlias,
    Param,
    get_current_context,
    get_parsing_context,
    task,
)
from dag_defaults import START, default_args

from millrace.settings import get_settings
from millrace.spec.catalogue import LoadedSpec
from millrace.spec.installed import specs_by_dag
from millrace.spec.models import PipelineSpec
from millrace.task_end import end_task

PREFIX = "approval."
APPROVE, REJECT = "Approve", "Reject"
OPEN_QUESTIONS = 100
"""How many questions may be open at once; a further one waits until one of them is answered, or its time is over."""
PARAMS = {
    "run": Param(type="string", minLength=1, title="Run", description="The Airflow run whose version waits."),
    "comparison": Param(type="string", title="Comparison", description="What is shown, as Markdown."),
}


def build_dag(loaded: LoadedSpec) -> DAG:
    """The DAG that asks about one pipeline's versions."""
    from airflow.providers.standard.operators.hitl import HITLOperator

    spec = loaded.spec
    with DAG(
        dag_id=f"{PREFIX}{spec.name}",
        description=f"Asks a person whether a new version of {spec.name} becomes the champion.",
        schedule=None,
        start_date=START,
        catchup=False,
        max_active_runs=OPEN_QUESTIONS,
        is_paused_upon_creation=False,
        tags=["millrace-approval", *spec.tags],
        params=PARAMS,
        default_args=default_args(spec.owner, timedelta(seconds=30), timedelta(minutes=10)),
    ) as dag:
        asked = HITLOperator(
            task_id="approval",
            subject=f"Promote the challenger of {spec.name}?",
            body="{{ params.comparison }}",
            options=[APPROVE, REJECT],
            defaults=APPROVE if spec.promotion.on_timeout == "approve" else REJECT,
            response_timeout=spec.promotion.approval_timeout,
        )
        outlets = [AssetAlias(f"champion/{spec.name}")]
        task(task_id="promote", execution_timeout=timedelta(minutes=30), outlets=outlets)(_promote)(asked.output)
    return dag


def _promote(given: dict[str, Any]) -> dict[str, Any]:
    context = get_current_context()
    try:
        output = _settled(context, given)
    except Exception as error:
        end_task(error)
    if output["promoted"]:
        name = context["dag"].dag_id.removeprefix(PREFIX)
        champion = Asset(f"model/{name}", group="model")
        (alias,) = context["task"].outlets
        context["outlet_events"][alias].add(champion, extra={"model_version": output["model_version"]})
    return output


def _settled(context: Any, given: dict[str, Any]) -> dict[str, Any]:
    from millrace.pipeline import airflow_run_id, approval

    loaded = SPECS[context["dag"].dag_id]
    return approval(loaded, airflow_run_id(loaded.spec.name, context["params"]["run"]), _answer(given))


def _answer(given: dict[str, Any]) -> dict[str, Any]:
    """What was answered; Airflow names nobody where the time ran out."""
    person = given.get("responded_by_user")
    return {"approved": given["chosen_options"] == [APPROVE], "by": person["name"] if person else None}


def _asks(spec: PipelineSpec) -> bool:
    return spec.task is not None and spec.promotion.approval == "human"


SPECS = specs_by_dag(get_settings(), get_parsing_context().dag_id, PREFIX, _asks)
for _loaded in SPECS.values():
    build_dag(_loaded)
