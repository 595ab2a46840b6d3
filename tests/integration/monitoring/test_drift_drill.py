"""The drill on real data: a later edition of the electric vehicle registrations, as it really was published.

Columns were dropped and renamed, and half of the ranges became 0, which means 'not researched'.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from millrace.pipeline import new_run_id, open_context, run_pipeline
from millrace.settings import Settings
from millrace.spec.catalogue import load_spec
from millrace.stages.monitor import monitor, open_monitor
from millrace.stages.monitoring.context import Monitored
from millrace.stores.alerts import AlertStore, Finding

pytestmark = pytest.mark.integration
SPEC = """
name: ev-drill
source: {{type: file, path: "{table}", format: csv}}
transform:
  - {{step: keep_columns, columns: [Model Year, Make, Model, Electric Vehicle Type, Electric Range, County]}}
  - {{step: drop_nulls, columns: [Electric Range]}}
task: regression
target: Electric Range
split: {{by: random, test: 0.2}}
candidates: [{{estimator: random_forest, params: {{n_estimators: 20, max_depth: 8}}}}]
monitoring: {{drift: true, retrain: on_drift}}
"""


class Drill:
    """The installation, and the file that the pipeline reads."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.settings, self.table = settings, folder / "registrations.csv"
        path = folder / "ev-drill.yaml"
        path.write_text(SPEC.format(table=self.table))
        self.loaded = load_spec(path)

    def run(self, table: pd.DataFrame) -> dict[str, Any]:
        table.to_csv(self.table, index=False)
        return run_pipeline(open_context(self.loaded, new_run_id(self.loaded.spec), settings=self.settings))

    def check(self) -> Monitored:
        context = open_monitor(self.loaded.spec, f"monitoring.ev-drill--{uuid.uuid4().hex}", self.settings)
        assert context is not None
        return monitor(context)

    def alerts(self) -> set[tuple[str, str, str]]:
        found = AlertStore(self.settings).find("ev-drill", "active")
        return {(alert["kind"], alert["subject"], alert["severity"]) for alert in found}


@pytest.fixture(scope="module")
def edition(data_dir: Path) -> pd.DataFrame:
    return pd.read_csv(data_dir / "ev" / "wa_ev_population_2023_sample.csv")


@pytest.fixture
def drill(settings: Settings, tmp_path: Path, edition: pd.DataFrame) -> Drill:
    made = Drill(settings, tmp_path)
    assert made.run(edition.sample(3_000, random_state=1))["promoted"]
    return made


def half_zero(table: pd.DataFrame) -> pd.DataFrame:
    researched = table.index[table["Electric Range"] > 0]
    unknown = np.random.default_rng(0).permutation(researched)[: len(researched) // 2]
    return table.assign(**{"Electric Range": table["Electric Range"].mask(table.index.isin(unknown), 0)})


def of(report: Monitored, kind: str) -> Finding:
    (found,) = [finding for finding in report.findings if finding.kind == kind]
    return found


def test_another_sample_of_the_same_edition_is_no_drift(drill: Drill, edition: pd.DataFrame) -> None:
    drill.run(edition.sample(2_000, random_state=2))
    report = drill.check()
    assert (report.findings, report.retrain) == ([], False)
    assert report.parts["source"].comparisons["source"].rows == 2_000


def test_a_later_edition_raises_schema_drift_and_data_drift(drill: Drill, edition: pd.DataFrame) -> None:
    later = half_zero(edition.sample(3_000, random_state=3)).drop(columns=["Base MSRP", "Legislative District"])
    later = later.rename(columns={"Clean Alternative Fuel Vehicle (CAFV) Eligibility": "CAFV Eligibility"})
    summary = drill.run(later)
    assert summary["status"] == "success"
    assert any("'Base MSRP' is gone" in sentence for sentence in summary["warnings"])
    report = drill.check()
    assert drill.alerts() == {("schema_drift", "source", "warning"), ("data_drift", "source", "warning")}
    assert {text.split("'")[1] for text in of(report, "schema_drift").details["changes"]} == {
        "Base MSRP", "Legislative District", "Clean Alternative Fuel Vehicle (CAFV) Eligibility", "CAFV Eligibility",
    }  # fmt: skip
    assert [column["column"] for column in of(report, "data_drift").details["columns"]] == ["Electric Range"]
    assert not report.retrain  # the run that read the table has trained on it


def test_a_later_edition_without_a_needed_column_stops_the_run_and_is_critical(
    drill: Drill, edition: pd.DataFrame
) -> None:
    later = half_zero(edition.sample(3_000, random_state=3)).rename(columns={"Model Year": "Year"})
    summary = drill.run(later)
    assert summary["status"] == "failed"
    assert "'Model Year'" in summary["error"]["message"]
    drill.check()
    assert drill.alerts() == {("schema_drift", "source", "critical"), ("data_drift", "source", "warning")}
    drill.run(edition.sample(3_000, random_state=4))
    assert len(drill.check().resolved) == 2
    assert drill.alerts() == set()


def test_a_stream_of_the_later_edition_trains_again_once(
    drill: Drill, edition: pd.DataFrame, log: Callable[..., Any]
) -> None:
    from datetime import UTC, datetime, timedelta

    from millrace.stores.predictions import PredictionStore

    columns = ["Model Year", "Make", "Model", "Electric Vehicle Type", "County"]
    usual = edition.sample(1_000, random_state=5)[columns]
    store, now = PredictionStore(drill.settings), datetime.now(UTC)
    model = "ev-drill"
    answers = list(np.random.default_rng(0).choice(edition["Electric Range"], 1_000).astype(float))
    context = open_monitor(drill.loaded.spec, "x", drill.settings)
    assert context is not None
    log(store, model, "1", usual, [float(v) for v in _answers(context, usual)], now - timedelta(hours=5))
    assert drill.check().findings == []
    new = edition[(edition["Model Year"] >= 2022) & (edition["Make"] != "TESLA")].sample(
        2_000, replace=True, random_state=6
    )
    log(store, model, "1", new[columns], answers * 2, now - timedelta(hours=2))
    reports = [drill.check() for _ in range(3)]
    assert [report.retrain for report in reports] == [True, False, False]
    assert ("data_drift", "features", "critical") in drill.alerts()


def _answers(context: Any, table: pd.DataFrame) -> Any:
    return context.registry.load(context.champion).predict(table)
