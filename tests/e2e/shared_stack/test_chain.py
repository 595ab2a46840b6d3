"""The example pipelines on the whole stack: it runs none by itself, and one table feeds the two trainings after it."""

from __future__ import annotations

from typing import Any

import pytest
from installation import Installation
from waiting import until

from millrace.cli.airflow_api import AirflowApi

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]


def runs_of(stack: Installation, names: dict[str, str]) -> list[dict[str, Any]]:
    return [run for run in stack.done("runs", "list", "--json") if run["pipeline"] in names]


def test_a_stack_that_has_come_up_plans_no_run(stack: Installation, examples: dict[str, str]) -> None:
    api = AirflowApi(stack.settings)
    dags = {name: until(lambda name=name: api.dag(name), f"the DAG of {name}", 600) for name in examples}
    assert api.import_errors() == []
    assert {name: dag["next_dagrun_run_after"] for name, dag in dags.items()} == dict.fromkeys(examples)
    assert not any(dag["is_paused"] for dag in dags.values())


def test_one_table_feeds_two_trainings(stack: Installation, examples: dict[str, str]) -> None:
    api = AirflowApi(stack.settings)
    for name in ("ev-registrations", "ev-range", "ev-segments"):
        until(lambda name=name: api.dag(name), f"the DAG of {name}", 600)
    assert runs_of(stack, examples) == []
    table = stack.done("run", "ev-registrations", "--json")
    assert table["status"] == "success", table["error"]

    def ended() -> list[dict[str, Any]]:
        found = [run for run in runs_of(stack, examples) if run["status"] in {"success", "failed"}]
        return found if len(found) >= 3 else []

    three = until(ended, "the end of three runs", 600, pause=1)
    assert {(run["pipeline"], run["status"]) for run in three} == {
        ("ev-registrations", "success"),
        ("ev-range", "success"),
        ("ev-segments", "success"),
    }
    for run in three:
        if run["pipeline"] != "ev-registrations":
            shown = stack.done("runs", "show", run["run_id"], "--json")
            assert shown["rows"]["extracted"] == table["rows"]["transformed"]
            assert shown["promoted"], shown["reason"]
