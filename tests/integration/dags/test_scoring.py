"""One DAG for each spec that scores batches: its schedule, its parameters, and what it announces."""

from __future__ import annotations

from typing import Any

SPEC = """
source: {type: sample, name: sklearn/iris}
task: classification
target: target
candidates: [{estimator: logistic_regression}]
promotion: {approval: human, approval_timeout: 3d}
score:
  source: {type: file, path: rows.csv}
  sinks: [{type: file, path: out.parquet}]
"""
SPECS = {
    "flowers": "name: flowers\nowner: botany\ntags: [demo]" + SPEC + "  schedule: '15 6 * * *'\n",
    "fresh": "name: fresh" + SPEC + "  schedule: model\n",
    "by-hand": "name: by-hand" + SPEC,
    "never": "name: never" + SPEC.partition("score:")[0],
}


def test_only_specs_that_score_have_a_dag(dags: dict[str, Any]) -> None:
    assert sorted(dag for dag in dags if dag.startswith("scoring.")) == [
        "scoring.by-hand", "scoring.flowers", "scoring.fresh",
    ]  # fmt: skip
    (task,) = dags["scoring.flowers"]["tasks"].values()
    assert (task["owner"], task["outlets"]) == ("botany", ["scores/flowers"])
    assert dags["scoring.flowers"]["tags"] == ["demo", "millrace-scoring"]


def test_schedules_are_cron_or_the_next_champion(dags: dict[str, Any]) -> None:
    kind, fields = dags["scoring.flowers"]["timetable"]
    assert kind.endswith("CronDataIntervalTimetable")
    assert fields["expression"] == "15 6 * * *"
    kind, fields = dags["scoring.fresh"]["timetable"]
    assert [part["name"] for part in fields["asset_condition"]["objects"]] == ["model/fresh"]
    assert dags["scoring.by-hand"]["timetable"][0].endswith("NullTimetable")


def test_a_person_is_asked_by_a_dag_of_its_own(dags: dict[str, Any]) -> None:
    assert sorted(dag for dag in dags if dag.startswith("approval.")) == [
        "approval.by-hand", "approval.flowers", "approval.fresh", "approval.never",
    ]  # fmt: skip
    training, asking = dags["flowers"], dags["approval.flowers"]
    assert training["tasks"]["has_challenger"]["after"] == ["register"]
    assert training["tasks"]["ask"]["after"] == ["has_challenger"]
    assert asking["tasks"]["promote"]["after"] == ["approval"]
    assert asking["tasks"]["promote"]["outlets"] == training["tasks"]["register"]["outlets"] == ["champion/flowers"]
    assert (training["max_active_runs"], asking["max_active_runs"]) == (1, 100)
    assert asking["timetable"][0].endswith("NullTimetable")
    assert asking["tags"] == ["demo", "millrace-approval"]
