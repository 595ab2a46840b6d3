"""An installation with pipelines that ran, its service, and a real browser that looks at its console."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from console_browser import PASSWORD, serving

from millrace.accounts.users import new_user
from millrace.pipeline import new_run_id, open_context, run_pipeline
from millrace.settings import Settings
from millrace.spec.catalogue import load_spec
from millrace.stages.monitor import monitor, open_monitor
from millrace.stores.artifacts import S3ArtifactStore
from serving.app import create_app

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
SPEC = """
name: tumour
description: Diagnosis from measurements of cell nuclei
source: {type: sample, name: sklearn/breast_cancer}
expectations:
  - expect: expect_column_values_to_be_between
    column: mean radius
    max_value: 25
    on_failure: quarantine
task: classification
target: target
candidates:
  - {estimator: logistic_regression}
"""
GROUPS = """
name: wildflowers
source: {type: sample, name: sklearn/iris}
transform:
  - {step: drop_columns, columns: [target]}
task: clustering
candidates:
  - {estimator: k_means, params: {n_clusters: 3}}
"""
AHEAD = """
name: flow-ahead
source: {{type: file, path: "{table}", timestamp: {{from: at, as: at}}}}
task: forecast
target: flow
forecast: {{series: mill, frequency: h, horizon: 24, backtest: {{held_out: 96, choose: 96}}, intervals: {{level: 0.9}}}}
monitoring: {{coverage: true}}
candidates:
  - {{estimator: seasonal_naive}}
  - {{name: days, estimator: day_vector, regressor: {{estimator: ridge}}}}
"""
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--window-size=1280,1000",
)  # fmt: skip


@pytest.fixture(scope="package")
def installation(embedded: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """An installation with two pipelines that ran once each."""
    home = tmp_path_factory.mktemp("console")
    (home / "mlflow").mkdir()
    (home / "pipelines").mkdir()
    (home / "pipelines" / "tumour.yaml").write_text(SPEC)
    settings = embedded.model_copy(
        update={
            "millrace_home": home,
            "millrace_pipelines_dir": home / "pipelines",
            "mongodb_database": "console",
            "s3_bucket": "millrace-console",
        }
    )
    S3ArtifactStore(settings).ensure_bucket()
    (home / "pipelines" / "wildflowers.yaml").write_text(GROUPS)
    for name in ("tumour", "wildflowers"):
        run_once(settings, name)
    (home / "pipelines" / "flow-ahead.yaml").write_text(AHEAD.format(table=home / "flow.csv"))
    for hours in (24 * 70, 24 * 71):  # the second run knows what the first one forecast
        flow_table(hours).to_csv(home / "flow.csv", index=False)
        run_once(settings, "flow-ahead")
    check = open_monitor(load_spec(home / "pipelines" / "flow-ahead.yaml").spec, "monitoring.flow-ahead--1", settings)
    assert check is not None
    monitor(check)
    return settings


def run_once(settings: Settings, name: str) -> None:
    loaded = load_spec(settings.millrace_pipelines_dir / f"{name}.yaml")
    summary = run_pipeline(open_context(loaded, new_run_id(loaded.spec), settings=settings))
    assert summary["status"] == "success", summary["error"]


def flow_table(hours: int) -> pd.DataFrame:
    """The flow at two mills, by the hour of the day and some noise."""
    noise = np.random.default_rng(7).normal(0, 1, (2, 24 * 80))
    at = pd.date_range("2026-01-01", periods=hours, freq="h")
    mills = [(name, 40 + 10 * np.sin(at.hour / 24 * 2 * np.pi) + noise[n, :hours]) for n, name in enumerate("AB")]
    return pd.concat(pd.DataFrame({"at": at, "mill": f"mill {name}", "flow": flow}) for name, flow in mills)


@pytest.fixture(scope="package")
def address(installation: Settings) -> Iterator[str]:
    """Where the service of that installation answers."""
    with serving(create_app(installation)) as found:
        yield found


@pytest.fixture(scope="package")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """One browser with a profile of its own."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    if not (CHROMIUM and DRIVER):
        pytest.skip("chromium and chromedriver are not on PATH")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture
def browser(chromium: Any, address: str) -> Iterator[Any]:
    """The browser; a test fails when a page complained of an error or of its own security policy."""
    chromium.get("about:blank")
    chromium.get_log("browser")
    yield chromium
    complaints = [entry["message"] for entry in chromium.get_log("browser") if entry["level"] == "SEVERE"]
    assert not [text for text in complaints if " 422 " not in text]


@pytest.fixture
def closed(installation: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Where a service answers that shows nothing to callers without a name; its user ann is an operator."""
    monkeypatch.setenv("SERVING_ANONYMOUS_ROLE", "none")
    monkeypatch.setenv("SERVING_ACCESS_MINUTES", "0.55")  # 33 s, of which the console uses the first 3
    app = create_app(installation)
    access = app.state.services.access
    if access.accounts.user("ann") is None:
        access.accounts.create_user(new_user("ann", "operator", PASSWORD))
    with serving(app) as found:
        yield found
