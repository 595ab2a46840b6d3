"""The console in a real browser, over a real run: what a person sees, clicks and types."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from millrace.pipeline import new_run_id, open_context, run_pipeline
from millrace.settings import Settings
from millrace.spec.catalogue import load_spec
from millrace.stores.artifacts import S3ArtifactStore
from serving.app import create_app

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="chromium and chromedriver are not on PATH"),
]
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
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--window-size=1280,1000",
)  # fmt: skip


@pytest.fixture(scope="module")
def installation(embedded: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """An installation with one pipeline that ran once."""
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
    loaded = load_spec(home / "pipelines" / "tumour.yaml")
    summary = run_pipeline(open_context(loaded, new_run_id(loaded.spec), settings=settings))
    assert summary["promoted"], summary["error"]
    return settings


@pytest.fixture(scope="module")
def address(installation: Settings) -> Iterator[str]:
    """Where the service of that installation answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(create_app(installation), port=port, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{port}/"
    server.should_exit = True
    thread.join(timeout=30)


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """One browser with a profile of its own."""
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


def see(browser: Any, css: str, text: str = "") -> Any:
    """The first element that matches and holds the text, once it is there."""
    from selenium.webdriver.support.ui import WebDriverWait

    def found(driver: Any) -> Any:
        script = "return [...document.querySelectorAll(arguments[0])].find((e) => e.textContent.includes(arguments[1]))"
        return driver.execute_script(script, css, text)

    return WebDriverWait(browser, 40).until(found, f"no {css} with {text!r}: {browser.page_source[-3000:]}")


def test_a_person_finds_the_champion_and_follows_the_last_run(browser, address):
    browser.get(address)
    card = see(browser, ".pipeline", "tumour")
    see(browser, ".champion-value", "Version 1")
    assert "Diagnosis from measurements" in card.text
    see(browser, ".pipeline .badge", "Success").click()
    see(browser, "h1", "tumour")
    for stage in ("extract", "validate", "transform", "logistic regression", "evaluate", "register"):
        see(browser, ".stage", stage)
    see(browser, ".badge", "quarantine")
    see(browser, "tr.best", "logistic_regression")
    assert see(browser, ".verdict").text
    assert browser.title.endswith("Millrace")


def test_the_plots_of_a_run_are_drawn(browser, address):
    browser.get(f"{address}#/runs")
    see(browser, "tbody a", "tumour").click()
    see(browser, ".plots figure")
    script = """
        const images = [...document.querySelectorAll(".plots img")];
        for (const image of images) image.loading = "eager";
        return Promise.all(images.map((image) => image.decode().then(() => image.naturalWidth)));
    """
    widths = browser.execute_script(script)
    assert widths
    assert all(width > 100 for width in widths)


def test_a_prediction_from_the_form_and_the_same_one_from_the_shell(browser, address):
    browser.get(f"{address}#/models/tumour")
    see(browser, "button", "Predict").click()
    shown = see(browser, ".answer-value").text
    see(browser, ".badge", "confidence")
    command = see(browser, ".answer .command code", "curl").text
    answer = json.loads(subprocess.run(["bash", "-c", command], capture_output=True, check=True, text=True).stdout)
    assert answer["success"]
    assert str(answer["prediction"]) == shown


def test_a_value_that_does_not_fit_is_told_beside_its_field(browser, address):
    browser.get(f"{address}#/models/tumour")
    field = see(browser, ".fields input")
    field.clear()
    field.send_keys("large")
    see(browser, "button", "Predict").click()
    see(browser, ".notice.is-bad", "a number is wanted")
    assert field.get_attribute("aria-invalid") == "true"
    see(browser, ".field .problem", 'is "large"')


def test_the_theme_can_be_switched_and_is_remembered(browser, address):
    browser.get(address)
    see(browser, ".pipeline")
    ground = "return getComputedStyle(document.body).backgroundColor"
    before = browser.execute_script(ground)
    browser.find_element("id", "theme").click()
    after = browser.execute_script(ground)
    assert before != after
    browser.refresh()
    see(browser, ".pipeline")
    assert browser.execute_script(ground) == after
    browser.find_element("id", "theme").click()


def test_the_keyboard_reaches_everything_in_order(browser, address):
    from selenium.webdriver.common.keys import Keys

    browser.get(f"{address}#/models")
    see(browser, "tbody a", "tumour")
    reached = []
    for _ in range(20):  # from the heading, once around
        browser.switch_to.active_element.send_keys(Keys.TAB)
        reached.append(browser.switch_to.active_element.text)
    wanted = ["Skip to content", "Millrace", "Pipelines", "Runs", "Models", "API", "tumour"]
    reached = reached[reached.index(wanted[0]) :]
    places = [reached.index(name) for name in wanted]
    assert places == sorted(places)


@pytest.mark.parametrize("page", ["#/pipelines", "#/runs", "#/models", "#/models/tumour", "#/health"])
def test_no_page_is_wider_than_a_telephone(browser, address, page):
    metrics = {"width": 390, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        browser.get(address + page)
        see(browser, "h1")
        assert browser.execute_script("return document.documentElement.scrollWidth") <= 390
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_an_unknown_run_is_told_in_one_sentence(chromium, address):
    chromium.get(f"{address}#/runs/tumour--nothing")
    see(chromium, ".notice.is-bad", "There is no run 'tumour--nothing'")


def test_the_api_is_described_without_any_other_host(browser, address):
    browser.get(f"{address}docs")
    see(browser, ".opblock-summary-path", "/tumour")
    loaded = browser.execute_script("return performance.getEntriesByType('resource').map((e) => e.name)")
    assert loaded
    assert all(name.startswith((address, "data:")) for name in loaded)


def test_the_report_is_readable_and_runs_no_script(chromium, address):
    chromium.get(f"{address}#/runs")
    see(chromium, "tbody a", "tumour").click()
    report = see(chromium, "a", "Full report").get_attribute("href")
    chromium.get(report)
    see(chromium, "h4", "Expectation Validation Result")
    assert chromium.execute_script("return getComputedStyle(document.body).maxWidth") == "1040px"
