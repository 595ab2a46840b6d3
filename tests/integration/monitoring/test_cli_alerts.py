"""`millrace alerts` and `millrace monitor` on the real stores."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from typer.testing import CliRunner

from millrace.alerts.desk import AlertDesk
from millrace.settings import get_settings
from millrace.stores.alerts import Finding

pytestmark = pytest.mark.integration


@pytest.fixture
def millrace(mill: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Calls the program in this process, with the installation's settings."""
    from millrace.cli.main import app

    settings = mill.settings
    for name, value in {
        "MILLRACE_HOME": settings.millrace_home,
        "MONGODB_URI": settings.mongodb,
        "MONGODB_DATABASE": settings.mongodb_database,
        "S3_ENDPOINT_URL": settings.s3_endpoint,
        "S3_BUCKET": settings.s3_bucket,
        "MILLRACE_PIPELINES_DIR": mill.folder,
    }.items():
        monkeypatch.setenv(name, str(value))
    get_settings.cache_clear()

    def call(*arguments: str) -> str:
        outcome = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
        assert outcome.exit_code == 0, outcome.output
        return outcome.stdout

    yield call
    get_settings.cache_clear()


def test_an_alert_from_the_shell(mill: Any, millrace: Any) -> None:
    assert millrace("alerts", "list") == "No alerts.\n"
    finding = Finding(kind="missing_values", subject="wind", message="'wind' is missing.")
    alert_id = AlertDesk(mill.settings).note("mill", finding, "check")
    assert "'wind' is missing." in millrace("alerts", "list")
    assert "1 delivered." in millrace("alerts", "deliver")
    assert "acknowledged: mill" in millrace("alerts", "acknowledge", alert_id)
    assert json.loads(millrace("alerts", "resolve", alert_id, "--json"))["status"] == "resolved"
    assert json.loads(millrace("alerts", "list", "--json")) == []
    (listed,) = json.loads(millrace("alerts", "list", "--status", "all", "--json"))
    assert listed["id"] == alert_id
    actions = [entry["action"] for entry in AlertDesk(mill.settings).store.collection("audit_log").find()]
    assert {"alerts.acknowledge", "alerts.resolve"} <= set(actions)


def test_a_look_finds_drift_and_changes_nothing(mill: Any, table: Any, millrace: Any) -> None:
    mill.ask(table(400, 1, shift=1.0), datetime.now(UTC) - timedelta(hours=1))
    report = json.loads(millrace("monitor", "mill", "--json"))
    assert {"data_drift", "prediction_drift"} <= {one["kind"] for one in report["parts"]["live"]["findings"]}
    assert report["parts"]["live"]["pages"] == {}
    assert (report["retrain"], mill.alerts()) == (False, [])
