"""How the console behaves whatever it shows: themes, keyboard, small screens."""

from __future__ import annotations

import pytest
from console_browser import see

pytestmark = pytest.mark.e2e
FURTHER = ("#/models/tumour/decisions", "#/models/flow-ahead/checks", "#/forecasts?pipeline=flow-ahead")


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


@pytest.mark.parametrize(
    "page", ["#/pipelines", "#/runs", "#/models", "#/models/tumour", "#/alerts", "#/health", *FURTHER]
)
def test_no_page_is_wider_than_a_telephone(browser, address, page):
    metrics = {"width": 390, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        browser.get(address + page)
        see(browser, "h1")
        assert browser.execute_script("return document.documentElement.scrollWidth") <= 390
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_durations_are_rounded_as_a_whole(browser, address):
    browser.get(address)
    see(browser, "h1")
    told = browser.execute_async_script("""
        const done = arguments[0];
        const seconds = [0.2, 0.9999, 59.97, 119.7, 3599.8, 7265];
        import("/console/format.js").then(({ duration }) => done(seconds.map((one) => duration(one))));
    """)
    assert told == ["200 ms", "1.0 s", "1 min 00 s", "2 min 00 s", "1 h 00 min", "2 h 01 min"]
