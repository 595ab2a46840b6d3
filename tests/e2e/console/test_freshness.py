"""What a page keeps while it refreshes itself, and what it says when it cannot."""

from __future__ import annotations

import pytest
from console_browser import see

from millrace.stores.traffic import MongoTrafficRules

pytestmark = pytest.mark.e2e
CHANGED = "dispatchEvent(new Event('millrace:changed'))"
AWAY = "window.answering = window.fetch; window.fetch = () => Promise.reject(new TypeError('away'));"
LATE = """
    const answering = window.fetch;
    window.fetch = async (path, options) => {
      if (!String(path).startsWith('api/v1/runs?') || window.held) return answering(path, options);
      window.held = true;
      const answer = await answering(path.replace('api/v1/runs?', 'api/v1/runs?pipeline=wildflowers&'), options);
      await new Promise((go) => { window.release = go; });
      window.released = true;
      return answer;
    };
"""


def test_what_a_reader_typed_opened_and_focused_stays_when_the_page_changes(browser, address, installation):
    browser.get(f"{address}#/models/tumour")
    field = see(browser, ".fields input")
    field.clear()
    field.send_keys("12.5")
    see(browser, "summary", "Evidence").click()
    browser.execute_script("arguments[0].focus()", field)
    rules = MongoTrafficRules(installation)
    set_ = rules.put(rules.get("tumour").model_copy(update={"weights": {"champion": 3.0, "1": 1.0}}), "otto")
    try:
        browser.execute_script(CHANGED)
        see(browser, "section[aria-label='Traffic'] table", "75 %")
        assert field.get_attribute("value") == "12.5"
        assert browser.switch_to.active_element == field
        assert browser.execute_script("return document.querySelectorAll('details[open]').length") == 1
    finally:
        rules.put(set_.model_copy(update={"weights": {"champion": 1.0}}), "otto")
        browser.execute_script(CHANGED)


def test_a_service_that_is_away_takes_no_page_away(browser, address):
    browser.get(f"{address}#/models")
    see(browser, "tbody a", "tumour")
    browser.execute_script(AWAY + CHANGED)
    see(browser, "#stale .notice", "The service does not answer")
    see(browser, "tbody a", "tumour")
    browser.execute_script("window.fetch = window.answering;" + CHANGED)
    see(browser, "body:not(:has(#stale .notice)) tbody a", "tumour")


def test_an_answer_that_comes_late_paints_over_nothing(browser, address):
    from selenium.webdriver.support.ui import WebDriverWait

    browser.get(f"{address}#/models")
    see(browser, "tbody a", "tumour")
    browser.execute_script(LATE + "location.hash = '#/runs?pipeline=tumour';")
    WebDriverWait(browser, 40).until(lambda driver: driver.execute_script("return !!window.release"))
    browser.execute_script("location.hash = '#/runs?pipeline=flow-ahead'")
    see(browser, "tbody a", "flow-ahead")
    browser.execute_async_script("const done = arguments[0]; window.release(); setTimeout(done, 300);")
    assert browser.execute_script("return window.released")
    assert {link.text for link in browser.find_elements("css selector", "tbody a")} == {"flow-ahead"}


def test_a_fault_of_the_console_is_told_in_a_sentence(chromium, address):
    chromium.get(f"{address}#/models")
    see(chromium, "tbody a", "tumour")
    spoilt = "window.fetch = async () => new Response(JSON.stringify({success: true, pipelines: 1}));"
    chromium.execute_script(spoilt + "location.hash = '#/runs';")
    see(chromium, ".notice.is-bad", "The console cannot draw this page")
    chromium.get("about:blank")
    chromium.get_log("browser")


@pytest.mark.parametrize("hash_", ["#/nothing", "#/runs/%E0%A4%A"])
def test_an_address_that_means_nothing_says_so(browser, address, hash_):
    browser.get(address + hash_)
    see(browser, "h1", "No such page")


def test_the_way_back_finds_the_place(browser, address):
    from selenium.webdriver.support.ui import WebDriverWait

    browser.get(f"{address}#/runs")
    see(browser, "tbody a", "tumour").click()
    see(browser, ".plots figure")
    wait = WebDriverWait(browser, 40)
    # Asked again until the page is long enough.
    wait.until(lambda driver: driver.execute_script("window.scrollTo(0, 500); return history.state?.y") == 500)
    browser.execute_script("location.hash = '#/models'")
    see(browser, "tbody a", "wildflowers")
    assert browser.execute_script("return window.scrollY") == 0
    browser.back()
    see(browser, ".plots figure")
    wait.until(lambda driver: driver.execute_script("return window.scrollY") == 500)
    browser.refresh()
    see(browser, ".plots figure")
    wait.until(lambda driver: driver.execute_script("return window.scrollY") == 500)
