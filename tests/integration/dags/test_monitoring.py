"""One DAG for each watched pipeline, and trainings that wait for drift beside their own schedule."""

from __future__ import annotations

from typing import Any

TRAINING = """
source: {type: sample, name: sklearn/iris}
task: classification
target: target
candidates: [{estimator: logistic_regression}]
"""
WATCHED = "monitoring: {drift: true, retrain: on_drift, schedule: '30 5 * * *'}\n"
SPECS = {
    "flowers": 'name: flowers\nowner: botany\ntags: [demo]\nschedule: "@daily"' + TRAINING + WATCHED,
    "by-hand": "name: by-hand" + TRAINING + WATCHED,
    "follower": "name: follower\nschedule: {assets: [dataset/a, dataset/b]}" + TRAINING + WATCHED,
    "once": 'name: once\nschedule: "@once"' + TRAINING + WATCHED,
    "alerts-only": 'name: alerts-only\nschedule: "@daily"' + TRAINING + "monitoring: {drift: true}\n",
    "rollback": "name: rollback" + TRAINING + "promotion: {rollback: {min_samples: 50}}\n",
    "unwatched": "name: unwatched" + TRAINING,
}


def waited_for(dag: dict[str, Any]) -> Any:
    """The assets of a schedule as nested lists: ["any", ...] or ["all", ...]."""

    def named(condition: dict[str, Any]) -> Any:
        if "objects" in condition:
            return [condition["__type"].removeprefix("asset_"), *map(named, condition["objects"])]
        return condition["name"]

    return named(dag["timetable"][1]["asset_condition"])


def test_every_watched_pipeline_has_its_check(dags: dict[str, Any]) -> None:
    assert sorted(name for name in dags if name.startswith("monitoring.")) == [
        f"monitoring.{name}" for name in sorted(SPECS) if name != "unwatched"
    ]


def test_a_check_runs_by_its_own_schedule_and_may_announce_drift(dags: dict[str, Any]) -> None:
    dag = dags["monitoring.flowers"]
    assert dag["timetable"][1]["expression"] == "30 5 * * *"
    assert dag["tags"] == ["demo", "millrace-monitoring"]  # without the tag of pipelines: a check is no run of one
    assert (dag["catchup"], dag["max_active_runs"]) == (False, 1)
    assert dag["tasks"] == {
        "check": {
            "after": [],
            "outlets": ["retrain/flowers"],
            "owner": "botany",
            "mapped": False,
            "pauses": [30, 90, 270],
        }
    }


def test_a_training_waits_for_drift_beside_its_own_schedule(dags: dict[str, Any]) -> None:
    kind, fields = dags["flowers"]["timetable"]
    assert kind.endswith("AssetOrTimeSchedule")
    assert fields["timetable"]["__var"]["expression"] == "0 0 * * *"
    assert fields["timetable"]["__type"].endswith("CronDataIntervalTimetable")
    assert waited_for(dags["flowers"]) == ["all", "drift/flowers"]
    assert waited_for(dags["by-hand"]) == ["all", "drift/by-hand"]
    assert waited_for(dags["follower"]) == ["any", ["all", "dataset/a", "dataset/b"], "drift/follower"]
    assert dags["once"]["timetable"][1]["timetable"]["__type"].endswith("OnceTimetable")


def test_a_pipeline_that_only_alerts_keeps_its_schedule(dags: dict[str, Any]) -> None:
    assert dags["alerts-only"]["timetable"][0].endswith("CronDataIntervalTimetable")
    assert dags["unwatched"]["timetable"][0].endswith("NullTimetable")
