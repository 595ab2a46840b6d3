"""What admins and operators change in the console: users, keys, credentials, versions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from console_browser import PASSWORD, fill, press, see, sign_in

from millrace.accounts.users import new_user
from millrace.settings import Settings
from millrace.stores.accounts import MongoAccounts
from millrace.stores.credentials import MongoCredentials

pytestmark = pytest.mark.e2e


@pytest.fixture
def admin(installation: Settings, closed: str, chromium: Any) -> Iterator[Any]:
    """The browser at the page of access, with the admin tess signed in."""
    accounts = MongoAccounts(installation)
    if accounts.user("tess") is None:
        accounts.create_user(new_user("tess", "admin", PASSWORD))
    chromium.get("about:blank")
    chromium.get(f"{closed}#/access")
    sign_in(chromium, "tess", PASSWORD)
    see(chromium, "h1", "Access")
    yield chromium
    press(chromium, "#sign-out")
    see(chromium, "#sign-in")


def test_an_admin_makes_a_user_who_chooses_a_password_and_closes_the_account(admin, installation):
    press(admin, "#add-user")
    fill(admin, name="Not a name")
    press(admin, "dialog button", "Add")
    see(admin, "dialog .notice.is-bad")
    see(admin, "#ask-name").clear()
    fill(admin, name="carl", role="operator")
    press(admin, "dialog button", "Add")
    press(admin, "dialog button", "Make the token")
    token = see(admin, ".secret").text
    accounts = MongoAccounts(installation)
    assert accounts.user("carl")["role"] == "operator"
    press(admin, "dialog button", "Done")
    assert token not in admin.page_source
    press(admin, "#close-carl", "Close")
    press(admin, "dialog button", "Close")
    see(admin, "#close-carl", "Open")
    assert accounts.user("carl")["disabled"]
    press(admin, "#remove-carl")
    press(admin, "dialog button", "Cancel")
    assert accounts.user("carl") is not None
    press(admin, "#remove-carl")
    press(admin, "dialog button", "Remove")
    see(admin, "section[aria-label='Record of changes'] td", "user.delete")
    assert accounts.user("carl") is None


def test_a_key_is_shown_once_and_works_until_it_is_ended(admin, closed):
    press(admin, "#make-key")
    fill(admin, name="nightly report")
    press(admin, "dialog button", "Make")
    key = see(admin, ".secret").text
    press(admin, "dialog button", "Done")
    see(admin, "td", "nightly report")
    assert key.split("_")[2] not in admin.page_source
    asked = {"headers": {"X-API-Key": key}, "json": {}}
    assert httpx.post(f"{closed}api/v1/models/tumour/predict", **asked).status_code == 422
    press(admin, "tbody tr button", "End")
    press(admin, "dialog button", "End the key")
    see(admin, "td", "ended")
    assert httpx.post(f"{closed}api/v1/models/tumour/predict", **asked).status_code == 401


def test_a_credential_is_set_and_never_shown(admin, installation):
    press(admin, "#set-credential")
    fill(admin, name="warehouse", value="a very secret value")
    press(admin, "dialog button", "Store")
    see(admin, "code", "${credential:warehouse}")
    assert "a very secret value" not in admin.page_source
    assert MongoCredentials(installation).values(["warehouse"]) == {"warehouse": "a very secret value"}
    press(admin, "#forget-warehouse")
    press(admin, "dialog button", "Remove")
    see(admin, "h2", "No credentials")


def test_an_operator_sees_what_an_operator_may_do(chromium, closed, installation):
    chromium.get("about:blank")
    chromium.get(f"{closed}#/models/tumour")
    sign_in(chromium, "ann", PASSWORD)
    press(chromium, "#roll-back")
    press(chromium, "dialog button", "Roll back")
    see(chromium, "dialog .notice.is-bad", "there is none before it")
    press(chromium, "dialog button", "Cancel")
    press(chromium, "#set-traffic")
    weights = see(chromium, "#ask-weights")
    weights.clear()
    weights.send_keys("champion=much")
    press(chromium, "dialog button", "Set")
    see(chromium, "dialog .notice.is-bad", "a number is wanted")
    press(chromium, "dialog button", "Cancel")
    chromium.get(f"{closed}#/access")
    see(chromium, "#change-password")
    assert not chromium.find_elements("id", "add-user")
    press(chromium, "#sign-out")
    see(chromium, "#sign-in")


def test_a_secret_that_is_being_made_cannot_be_missed(admin):
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.ui import WebDriverWait

    press(admin, "#make-key")
    fill(admin, name="hasty")
    admin.execute_script("""
        const answering = window.fetch;
        window.fetch = async (path, options) => {
          if (path === "api/v1/keys") await new Promise((go) => { window.release = go; });
          return answering(path, options);
        };
    """)
    press(admin, "dialog button", "Make")
    see(admin, "dialog button:disabled", "Cancel")
    for _ in range(2):  # the browser closes the dialog at the second one, whatever the page says
        admin.switch_to.active_element.send_keys(Keys.ESCAPE)
    WebDriverWait(admin, 40).until(lambda driver: driver.execute_script("return !!window.release"))
    admin.execute_script("window.release()")
    assert see(admin, "dialog .secret").text.startswith("mr_")
    press(admin, "dialog button", "Done")
    see(admin, "td", "hasty")
