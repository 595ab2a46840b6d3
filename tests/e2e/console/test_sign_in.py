"""Signing in and out in the console, and choosing a password with a reset token."""

from __future__ import annotations

import time

import pytest
from console_browser import PASSWORD, WIDTHS, see, sign_in

from millrace.accounts.roles import Role
from millrace.accounts.trail import SERVICE, AuditTrail
from millrace.accounts.users import Users
from millrace.stores.accounts import MongoAccounts
from millrace.stores.audit_log import MongoAuditLog

pytestmark = pytest.mark.e2e


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
