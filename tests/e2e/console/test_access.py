"""What admins and operators change in the console: users, keys, credentials, versions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from console_browser import PASSWORD, fill, see, sign_in

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
    see(chromium, "#sign-out").click()
    see(chromium, "#sign-in")


def test_an_admin_makes_a_user_who_chooses_a_password_and_closes_the_account(admin, installation):
    see(admin, "#add-user").click()
    fill(admin, name="Not a name")
    see(admin, "dialog button", "Add").click()
    see(admin, "dialog .notice.is-bad")
    see(admin, "#ask-name").clear()
    fill(admin, name="carl", role="operator")
    see(admin, "dialog button", "Add").click()
    see(admin, "dialog button", "Make the token").click()
    token = see(admin, ".secret").text
    accounts = MongoAccounts(installation)
    assert accounts.user("carl")["role"] == "operator"
    see(admin, "dialog button", "Done").click()
    assert token not in admin.page_source
    see(admin, "#close-carl", "Close").click()
    see(admin, "dialog button", "Close").click()
    see(admin, "#close-carl", "Open")
    assert accounts.user("carl")["disabled"]
    see(admin, "#remove-carl").click()
    see(admin, "dialog button", "Cancel").click()
    assert accounts.user("carl") is not None
    see(admin, "#remove-carl").click()
    see(admin, "dialog button", "Remove").click()
    see(admin, "section[aria-label='Record of changes'] td", "user.delete")
    assert accounts.user("carl") is None


def test_a_key_is_shown_once_and_works_until_it_is_ended(admin, closed):
    see(admin, "#make-key").click()
    fill(admin, name="nightly report")
    see(admin, "dialog button", "Make").click()
    key = see(admin, ".secret").text
    see(admin, "dialog button", "Done").click()
    see(admin, "td", "nightly report")
    assert key.split("_")[2] not in admin.page_source
    asked = {"headers": {"X-API-Key": key}, "json": {}}
    assert httpx.post(f"{closed}api/v1/models/tumour/predict", **asked).status_code == 422
    see(admin, "tbody tr button", "End").click()
    see(admin, "dialog button", "End the key").click()
    see(admin, "td", "ended")
    assert httpx.post(f"{closed}api/v1/models/tumour/predict", **asked).status_code == 401


def test_a_credential_is_set_and_never_shown(admin, installation):
    see(admin, "#set-credential").click()
    fill(admin, name="warehouse", value="a very secret value")
    see(admin, "dialog button", "Store").click()
    see(admin, "code", "${credential:warehouse}")
    assert "a very secret value" not in admin.page_source
    assert MongoCredentials(installation).values(["warehouse"]) == {"warehouse": "a very secret value"}
    see(admin, "#forget-warehouse").click()
    see(admin, "dialog button", "Remove").click()
    see(admin, "h2", "No credentials")


def test_an_operator_sees_what_an_operator_may_do(chromium, closed, installation):
    chromium.get("about:blank")
    chromium.get(f"{closed}#/models/tumour")
    sign_in(chromium, "ann", PASSWORD)
    see(chromium, "#roll-back").click()
    see(chromium, "dialog button", "Roll back").click()
    see(chromium, "dialog .notice.is-bad", "there is none before it")
    see(chromium, "dialog button", "Cancel").click()
    see(chromium, "#set-traffic").click()
    weights = see(chromium, "#ask-weights")
    weights.clear()
    weights.send_keys("champion=much")
    see(chromium, "dialog button", "Set").click()
    see(chromium, "dialog .notice.is-bad", "a number is wanted")
    see(chromium, "dialog button", "Cancel").click()
    chromium.get(f"{closed}#/access")
    see(chromium, "#change-password")
    assert not chromium.find_elements("id", "add-user")
    see(chromium, "#sign-out").click()
    see(chromium, "#sign-in")
