"""What the console puts before a person: what needs attention, who meets a demand, what a check has drawn."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from console_browser import press, see

from millrace.alerts.desk import AlertDesk
from millrace.drift.base import DriftLimits
from millrace.drift.compare import compare
from millrace.drift.report import drift_page
from millrace.stores.alerts import Finding
from millrace.stores.artifacts import S3ArtifactStore
from millrace.stores.forecasts import MongoForecasts
from millrace.stores.monitoring import MonitoringStore

pytestmark = pytest.mark.e2e
SCRIPT = "</script><script>document.title = 'taken'</script>"
ATTENTION = "section[aria-label='Needs attention']"


def test_an_alert_is_told_on_the_first_page_until_it_is_over(browser, address, installation):
    desk = AlertDesk(installation)
    message = f"'size' has values that training never saw, such as '{SCRIPT}'."
    finding = Finding(kind="new_categories", subject="size", severity="critical", message=message)
    desk.note("wildflowers", finding, "monitoring.wildflowers--1")
    try:
        browser.get(address)
        row = see(browser, f"{ATTENTION} tr", "wildflowers")
        assert "critical alert" in row.text
        assert SCRIPT in row.text  # as text
        see(browser, "#alerts-active", "1 active")
    finally:
        for alert in desk.store.find("wildflowers", "active", 10, None):
            desk.resolve(alert["_id"], "otto", "by hand")
    browser.execute_script("dispatchEvent(new Event('millrace:changed'))")
    see(browser, f"body:not(:has({ATTENTION})) .lead", "nothing waits for you")


def test_an_allocation_is_drawn_by_source(browser, address, installation):
    forecasts = MongoForecasts(installation)
    start = datetime(2030, 1, 1, tzinfo=UTC)
    origin = {"pipeline": "flow-ahead", "series": "mill C", "model_version": "9", "origin": start, "run_id": "r"}
    shares = [{"outputs": {"river": 30.0, "pond": 10.0 * hour}, "price": 2.5, "conflicts": []} for hour in range(4)]
    shares[3]["conflicts"] = ["pond would have to rise by 4 MW more than its ramp."]
    forecasts.record_forecasts(
        [
            {**origin, "timestamp": start + timedelta(hours=hour), "horizon": hour + 1, "flow": 30.0 + 10 * hour,
             "confidence_lower": None, "confidence_upper": None, "level": None, "allocation": share}
            for hour, share in enumerate(shares)
        ]
    )  # fmt: skip
    try:
        browser.get(f"{address}#/forecasts?pipeline=flow-ahead&series=mill+C")
        met = see(browser, "section[aria-label='Who meets it']", "river")
        assert "66.7 %" in met.text
        assert "pond would have to rise" in met.text
        assert browser.execute_script("return document.querySelectorAll('polygon.mix').length") == 2
    finally:
        forecasts.collection("forecasts").delete_many({"series": "mill C"})


def test_the_distributions_of_a_check_are_drawn_in_a_sandbox(browser, address, installation):
    random = np.random.default_rng(5)
    reference = pd.DataFrame({"width": random.normal(0, 1, 400), "kind": ["a", "b"] * 200})
    current = pd.DataFrame({"width": random.normal(3, 1, 400), "kind": ["a", SCRIPT] * 200})
    page, _ = drift_page(reference, current, compare(reference, current, DriftLimits()))
    check = "monitoring.wildflowers--2"
    uri = S3ArtifactStore(installation).put_bytes(f"monitoring/wildflowers/{check}/features.html", page, "text/html")
    part = {"judged": [], "findings": [], "notes": [], "figures": {}, "pages": {"features_html": uri}}
    report = {"_id": check, "run_id": check, "pipeline": "wildflowers", "model_version": "1", "at": datetime.now(UTC)}
    MonitoringStore(installation).keep({**report, "parts": {"live": part}, "retrain": False})
    browser.get(f"{address}#/models/wildflowers/checks")
    browser.get(see(browser, "a", "Distributions: live").get_attribute("href"))
    press(browser, "td", "width")
    see(browser, "td", "Kolmogorov-Smirnov distance")
    assert browser.title != "taken"
    assert browser.execute_script("return self.origin") == "null"
