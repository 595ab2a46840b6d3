"""The console in a real browser, over real runs: what a person sees, clicks and types."""

from __future__ import annotations

import json
import subprocess

import pytest
from console_browser import WIDTHS, see

from millrace.stores.traffic import MongoTrafficRules

pytestmark = pytest.mark.e2e


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
    card = see(browser, ".pipeline", "Diagnosis from measurements")
    card.find_element("css selector", ".badge").click()
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
    shared = {"weights": {"champion": 3.0, "1": 1.0}, "shadow": "99"}
    set_ = rules.put(rules.get("tumour").model_copy(update=shared), "otto")
    try:
        browser.get(f"{address}#/models/tumour")
        see(browser, "h2", "Traffic")
        shown = see(browser, "section[aria-label='Traffic'] table").text
        assert "75 %" in shown
        assert "25 %" in shown
        assert "99" in shown
        see(browser, "section[aria-label='Traffic'] .aside", "Set by otto")
    finally:
        rules.put(set_.model_copy(update={"weights": {"champion": 1.0}, "shadow": None}), "otto")


def test_a_decision_is_shown_with_its_evidence(browser, address):
    browser.get(f"{address}#/models/tumour")
    see(browser, "section[aria-label='Decisions'] a", "All decisions").click()
    see(browser, "h1", "Decisions")
    row = see(browser, "tbody tr", "Promoted:")
    see(browser, "summary", "Evidence").click()
    assert "beats the baseline" in row.text
    assert "roc auc" in row.text or "f1 macro" in row.text


def test_a_forecast_is_drawn_with_its_interval_and_the_truth(browser, address):
    from selenium.webdriver.common.keys import Keys

    browser.get(f"{address}#/forecasts?pipeline=flow-ahead")
    see(browser, ".legend", "True value")
    see(browser, ".facts", "24 true ones known")
    assert browser.execute_script("return document.querySelectorAll('.chart .band').length") == 1
    see(browser, ".chart").send_keys(Keys.ARROW_RIGHT)
    see(browser, ".chart-told", "it was")
    browser.find_element("css selector", "#by-series option:last-child").click()
    see(browser, ".lead", "mill B")
    browser.find_element("css selector", "#by-origin option:last-child").click()
    see(browser, ".facts", "24")
    see(browser, "summary", "All 24 values").click()
    assert len(browser.find_elements("css selector", "tbody tr")) == 24


def test_the_checks_of_a_champion_are_listed_with_what_they_could_not_judge(browser, address):
    browser.get(f"{address}#/models/flow-ahead")
    see(browser, ".links a", "Checks").click()
    row = see(browser, "tbody tr", "coverage")
    assert "not judged" in row.text
    browser.get(f"{address}#/models/tumour/checks")
    see(browser, "h2", "No check yet")


def test_an_unknown_run_or_model_is_told_in_one_sentence(chromium, address):
    chromium.get(f"{address}#/runs/tumour--nothing")
    see(chromium, ".notice.is-bad", "There is no run 'tumour--nothing'")
    chromium.get(f"{address}#/models/tumor/decisions")
    see(chromium, ".notice.is-bad", "There is no model 'tumor'")


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
