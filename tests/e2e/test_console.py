"""The console in a real browser, over a real run: what a person sees, clicks and types."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI

from millrace.accounts.roles import Role
from millrace.accounts.trail import SERVICE, AuditTrail
from millrace.accounts.users import Users, new_user
from millrace.pipeline import new_run_id, open_context, run_pipeline
from millrace.settings import Settings
from millrace.spec.catalogue import load_spec
from millrace.stores.accounts import MongoAccounts
from millrace.stores.artifacts import S3ArtifactStore
from millrace.stores.audit_log import MongoAuditLog
from millrace.stores.traffic import MongoTrafficRules, TrafficRule
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
GROUPS = """
name: wildflowers
source: {type: sample, name: sklearn/iris}
transform:
  - {step: drop_columns, columns: [target]}
task: clustering
candidates:
  - {estimator: k_means, params: {n_clusters: 3}}
"""
WIDTHS = """
    const images = [...document.querySelectorAll(".plots img")];
    for (const image of images) image.loading = "eager";
    return Promise.all(images.map((image) => image.decode().then(() => image.naturalWidth)));
"""
PASSWORD = "a brass wheel turns slowly"
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--window-size=1280,1000",
)  # fmt: skip


@pytest.fixture(scope="module")
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
        loaded = load_spec(home / "pipelines" / f"{name}.yaml")
        summary = run_pipeline(open_context(loaded, new_run_id(loaded.spec), settings=settings))
        assert summary["promoted"], summary["error"]
    return settings


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """Where the service answers, on a port of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{port}/"
    server.should_exit = True
    thread.join(timeout=30)


@pytest.fixture(scope="module")
def address(installation: Settings) -> Iterator[str]:
    """Where the service of that installation answers."""
    with serving(create_app(installation)) as found:
        yield found


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


def test_a_run_shows_each_class_and_each_cluster(browser, address):
    for pipeline, section, found in (
        ("tumour", "Classes", ("malignant", "benign", "Actual, as it was predicted")),
        ("wildflowers", "Clusters", ("Cluster 0 (", "petal length (cm)", "overall")),
    ):
        browser.get(f"{address}#/runs")
        see(browser, "tbody a", pipeline).click()
        text = see(browser, f'section[aria-label="{section}"]').text
        assert all(word in text for word in found), text
        see(browser, "summary", "What each column holds").click()
        assert "Missing" in see(browser, 'section[aria-label="Table"]').text


def test_a_person_finds_the_champion_and_follows_the_last_run(browser, address):
    browser.get(address)
    see(browser, ".champion-value", "Version 1")
    see(browser, ".pipeline", "Diagnosis from measurements")
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
    widths = browser.execute_script(WIDTHS)
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


def test_the_traffic_of_a_model_is_shown_once_it_is_shared_out(browser, address, installation):
    rules = MongoTrafficRules(installation)
    set_ = rules.put(TrafficRule(name="tumour", weights={"champion": 3, "1": 1}, shadow="99"), "otto")
    try:
        browser.get(f"{address}#/models/tumour")
        see(browser, "h2", "Traffic")
        shown = see(browser, "section[aria-label='Traffic'] table").text
        assert "75 %" in shown
        assert "25 %" in shown
        assert "99" in shown
        see(browser, "section[aria-label='Traffic'] p", "Set by otto")
    finally:
        rules.put(set_.model_copy(update={"weights": {"champion": 1.0}, "shadow": None}), "otto")


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


@pytest.mark.parametrize("page", ["#/pipelines", "#/runs", "#/models", "#/models/tumour", "#/alerts", "#/health"])
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


def sign_in(browser: Any, name: str, password: str) -> None:
    see(browser, ".sign-in")
    for css, text in (("#username", name), ("#password", password)):
        field = browser.find_element("css selector", css)
        field.clear()
        field.send_keys(text)
    see(browser, ".sign-in button", "Sign in").click()


def test_where_nobody_is_let_in_a_person_signs_in_and_out(chromium, closed):
    chromium.get("about:blank")
    chromium.get_log("browser")
    chromium.get(closed)
    see(chromium, "h1", "Sign in to see this")
    sign_in(chromium, "ann", "not the password at all")
    see(chromium, ".notice.is-bad", "The name or the password is wrong")
    sign_in(chromium, "ann", PASSWORD)
    see(chromium, ".pipeline", "tumour")
    assert see(chromium, ".person-name", "ann").text.split() == ["ann", "operator"]
    kept = chromium.execute_script(
        "return [JSON.stringify(sessionStorage), JSON.stringify(localStorage), document.cookie]"
    )
    assert "eyJ" not in "".join(kept)  # the access token is in memory only
    chromium.refresh()
    see(chromium, ".pipeline", "tumour")
    time.sleep(4)  # the console takes the access token for outdated now, and turns the session
    chromium.get(f"{closed}#/runs")
    see(chromium, "tbody a", "tumour").click()
    see(chromium, ".plots figure")
    widths = chromium.execute_script(WIDTHS)
    assert widths
    assert all(width > 100 for width in widths)
    report = see(chromium, "a", "Full report").get_attribute("href")
    assert "/tickets/" in report
    chromium.get(f"{closed}docs")
    see(chromium, ".opblock-summary-path", "/tumour")
    chromium.get(f"{closed}#/pipelines")
    see(chromium, "#sign-out").click()
    see(chromium, "h1", "Sign in to see this")
    assert chromium.execute_script("return sessionStorage.length") == 0
    complaints = [entry["message"] for entry in chromium.get_log("browser") if entry["level"] == "SEVERE"]
    assert not [text for text in complaints if " 401 " not in text]
    chromium.get(report)  # the ticket is the run's, and counts for its hour
    see(chromium, "h4", "Expectation Validation Result")


def test_a_reset_token_is_used_in_the_console(chromium, closed, installation):
    users = Users(MongoAccounts(installation), AuditTrail(MongoAuditLog(installation)))
    if MongoAccounts(installation).user("bob") is None:
        users.create(SERVICE, "bob", Role.VIEWER, None)
    token, _ = users.reset_token(SERVICE, "bob", 5)
    chromium.get("about:blank")
    chromium.get(f"{closed}#/sign-in")
    see(chromium, "summary", "I have a reset token").click()
    for css, text in (("#reset-token", token), ("#new-password", PASSWORD)):
        chromium.find_element("css selector", css).send_keys(text)
    see(chromium, "button", "Set password").click()
    see(chromium, ".notice.is-good", "Sign in with it")
    sign_in(chromium, "bob", PASSWORD)
    see(chromium, ".person-name", "bob")
    see(chromium, "#sign-out").click()
    see(chromium, "#sign-in")
