"""One DAG for each spec: its chain, schedule, parameters and assets, and what a broken spec does to the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

SPECS = {
    "flowers": """
name: flowers
description: Which iris is it?
owner: botany
tags: [demo]
schedule: "@daily"
source: {type: sample, name: sklearn/iris}
load:
  - {type: sql, url: "${WAREHOUSE_URL:-sqlite:///secret.db}", table: flowers, mode: replace}
task: classification
target: target
candidates:
  - {estimator: logistic_regression}
""",
    "copy": """
name: copy
schedule: "15 6 * * 1"
source: {type: sample, name: sklearn/iris}
""",
    "follower": """
name: follower
schedule: {assets: [model/flowers, dataset/copy]}
source: {type: sample, name: sklearn/iris}
task: clustering
candidates:
  - {estimator: k_means}
""",
    "ahead": """
name: ahead
source: {type: sample, name: energy_demand, timestamp: {from: Datetime, as: at}}
task: forecast
target: AEP_MW
forecast: {frequency: h, horizon: 24}
candidates:
  - {estimator: day_vector}
""",
    "by-hand": "name: by-hand\nsource: {type: sample, name: sklearn/iris}\n",
    "broken": "name: broken\nsource: {type: sample, name: sklearn/iris}\ntask: regresion\n",
    "ring": """
name: ring
schedule: {assets: [dataset/ring]}
source: {type: sample, name: sklearn/iris}
""",
}


@pytest.fixture(scope="module")
def parsed(parse_dags: Callable[[dict[str, str]], dict[str, Any]]) -> dict[str, Any]:
    return parse_dags(SPECS)


def test_a_parse_imports_nothing_heavy_and_no_database_client(parsed: dict[str, Any]) -> None:
    assert parsed["heavy"] == []


def test_every_good_spec_has_its_dag(parsed: dict[str, Any]) -> None:
    assert sorted(parsed["dags"]) == ["ahead", "by-hand", "copy", "flowers", "follower"]


def test_broken_specs_are_import_errors_with_file_and_line_of_another_file(parsed: dict[str, Any]) -> None:
    ((file, text),) = parsed["errors"].items()
    assert file.endswith("spec_errors.py")
    assert "broken.yaml:3: task: 'regresion' is not allowed. Did you mean 'regression'?" in text
    assert "ring.yaml:3: schedule.assets makes a cycle" in text


def test_a_task_start_reads_its_own_spec_alone(parsed: dict[str, Any]) -> None:
    assert parsed["one"] == {"dags": ["flowers"], "errors": {}}


def test_the_stages_stand_in_their_order(parsed: dict[str, Any]) -> None:
    tasks = parsed["dags"]["flowers"]["tasks"]
    assert {name: task["after"] for name, task in tasks.items()} == {
        "extract": [],
        "validate": ["extract"],
        "transform": ["validate"],
        "load": ["transform"],
        "train": ["load", "transform"],
        "evaluate": ["train", "transform"],
        "register": ["evaluate", "train", "transform"],
    }
    assert [name for name, task in tasks.items() if task["mapped"]] == ["train"]


def test_a_server_that_is_away_for_a_minute_fails_no_task(parsed: dict[str, Any]) -> None:
    for dag in parsed["dags"].values():
        for task in dag["tasks"].values():
            assert task["pauses"][0] <= 30
            assert sum(task["pauses"]) >= 60


def test_a_forecast_is_made_after_the_registration(parsed: dict[str, Any]) -> None:
    tasks = parsed["dags"]["ahead"]["tasks"]
    assert list(tasks)[-2:] == ["register", "forecast"]
    assert tasks["forecast"]["after"] == ["register", "transform"]


def test_a_plain_etl_ends_with_its_table(parsed: dict[str, Any]) -> None:
    assert list(parsed["dags"]["copy"]["tasks"]) == ["extract", "validate", "transform"]


def test_the_last_task_that_writes_a_table_or_a_model_announces_it(parsed: dict[str, Any]) -> None:
    outlets = {
        dag_id: {name: task["outlets"] for name, task in dag["tasks"].items() if task["outlets"]}
        for dag_id, dag in parsed["dags"].items()
    }
    assert outlets["flowers"] == {"load": ["dataset/flowers"], "register": ["champion/flowers"]}
    assert outlets["copy"] == {"transform": ["dataset/copy"]}


def test_the_spec_is_shown_as_it_was_written(parsed: dict[str, Any]) -> None:
    dag = parsed["dags"]["flowers"]
    assert dag["description"] == "Which iris is it?"
    assert dag["tags"] == ["demo", "millrace"]
    assert {task["owner"] for task in dag["tasks"].values()} == {"botany"}
    assert "${WAREHOUSE_URL:-sqlite:///secret.db}" in dag["doc"]
    assert (dag["catchup"], dag["max_active_runs"]) == (False, 1)


def test_schedules_have_data_intervals_or_follow_assets(parsed: dict[str, Any]) -> None:
    timetables = {dag_id: dag["timetable"] for dag_id, dag in parsed["dags"].items()}
    kind, fields = timetables["flowers"]
    assert kind.endswith("CronDataIntervalTimetable")
    assert fields == {"expression": "0 0 * * *", "timezone": "UTC"}
    assert timetables["copy"][1]["expression"] == "15 6 * * 1"
    assert timetables["by-hand"][0].endswith("NullTimetable")
    kind, fields = timetables["follower"]
    assert kind.endswith("AssetTriggeredTimetable")
    assert sorted(part["name"] for part in fields["asset_condition"]["objects"]) == ["dataset/copy", "model/flowers"]


def test_the_trigger_form_refuses_what_a_run_could_not_use(parsed: dict[str, Any]) -> None:
    assert parsed["dags"]["by-hand"]["refused"] == [
        {"use_cache": "yes"},
        {"interval_start": "yesterday"},
        {"interval_end": 5},
    ]
