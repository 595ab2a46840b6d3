"""What the tests of the console share: looking for elements, filling forms, and a service on a port of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fastapi import FastAPI
from in_process import on_port

PASSWORD = "a brass wheel turns slowly"
WIDTHS = """
    const images = [...document.querySelectorAll(".plots img")];
    for (const image of images) image.loading = "eager";
    return Promise.all(images.map((image) => image.decode().then(() => image.naturalWidth)));
"""


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """Where the service answers, on a port of its own."""
    with on_port(app) as port:
        yield f"http://127.0.0.1:{port}/"


def see(browser: Any, css: str, text: str = "") -> Any:
    """The first element that matches and holds the text, once it is there."""
    from selenium.webdriver.support.ui import WebDriverWait

    def found(driver: Any) -> Any:
        script = "return [...document.querySelectorAll(arguments[0])].find((e) => e.textContent.includes(arguments[1]))"
        return driver.execute_script(script, css, text)

    return WebDriverWait(browser, 40).until(found, f"no {css} with {text!r}: {browser.page_source[-3000:]}")


def press(browser: Any, css: str, text: str = "") -> None:
    """Click what matches and holds the text, also where the page is drawn anew just then."""
    from selenium.common.exceptions import StaleElementReferenceException
    from selenium.webdriver.support.ui import WebDriverWait

    def pressed(_: Any) -> bool:
        see(browser, css, text).click()
        return True

    WebDriverWait(browser, 40, ignored_exceptions=[StaleElementReferenceException]).until(pressed)


def sign_in(browser: Any, name: str, password: str) -> None:
    see(browser, ".sign-in")
    for css, text in (("#username", name), ("#password", password)):
        field = browser.find_element("css selector", css)
        field.clear()
        field.send_keys(text)
    press(browser, ".sign-in button", "Sign in")


def fill(browser: Any, **values: str) -> None:
    for name, value in values.items():
        field = see(browser, f"#ask-{name}")
        if field.tag_name == "select":
            press(browser, f"#ask-{name} option", value)
        else:
            field.send_keys(value)
