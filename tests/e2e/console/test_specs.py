"""A pipeline by the console alone: a table uploaded, a spec drafted, checked as it is typed, saved, retired."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from console_browser import PASSWORD, press, see, sign_in

from millrace.settings import Settings
from millrace.spec.installed import find_spec

pytestmark = pytest.mark.e2e
ROWS = [(n * 37 % 101 / 10, "red" if n % 3 else "blue", n % 7) for n in range(200)]
TABLE = "size,colour,price\n" + "".join(f"{size},{colour},{2 * size + more + 5}\n" for size, colour, more in ROWS)


def write(browser: Any, old: str, new: str) -> None:
    """Change the text in the editor as a person does: the page hears of it."""
    browser.execute_script(
        """const area = document.getElementById("spec-text");
        area.value = area.value.replace(arguments[0], arguments[1]);
        area.dispatchEvent(new Event("input"));""",
        old,
        new,
    )


@pytest.fixture
def operator(closed: str, chromium: Any) -> Any:
    """The browser at the pipelines, with the operator ann signed in."""
    chromium.get("about:blank")
    chromium.get(f"{closed}#/pipelines")
    sign_in(chromium, "ann", PASSWORD)
    return chromium


def test_a_pipeline_is_made_changed_and_retired(operator, installation: Settings, tmp_path: Path):
    (tmp_path / "Shop Prices.csv").write_text(TABLE)
    press(operator, "#new-pipeline")
    see(operator, "#table-file").send_keys(str(tmp_path / "Shop Prices.csv"))
    see(operator, "#table-target").send_keys("price")
    press(operator, "#draft")
    see(operator, "#draft-notes .notice", "Drafted")
    see(operator, "#spec-usable")

    write(operator, "target: price", "target: price\nownr: shop")
    see(operator, "#spec-findings", "Did you mean 'owner'")
    assert not see(operator, "#save").is_enabled()
    press(operator, ".line-link")
    chosen = "const a = document.activeElement; return a.value.slice(a.selectionStart, a.selectionEnd)"
    assert operator.execute_script(chosen) == "ownr: shop"
    write(operator, "ownr: shop", "owner: shop")
    see(operator, "#spec-usable")
    press(operator, "#save:not([disabled])")
    see(operator, ".notice.is-good", "Version 1 is saved")
    assert find_spec(installation, "shop-prices").spec.owner == "shop"

    write(operator, "owner: shop", "owner: prices")
    see(operator, "#spec-note").send_keys("a new owner")
    see(operator, "#spec-usable")
    press(operator, "#save:not([disabled])")
    see(operator, "td", "a new owner")
    press(operator, "#revert-1")
    press(operator, "dialog button", "Go back")
    see(operator, ".notice.is-good", "Version 3 is saved")
    assert find_spec(installation, "shop-prices").spec.owner == "shop"

    press(operator, "#retire")
    press(operator, "dialog button", "Retire")
    see(operator, "h1", "Pipelines")
    assert not (installation.made_specs_dir / "shop-prices.yaml").exists()
    press(operator, "#sign-out")


def test_a_spec_in_a_file_is_shown_and_not_changed(operator, closed):
    operator.get(f"{closed}#/pipelines/tumour/spec")
    see(operator, "pre.spec-text", "sklearn/breast_cancer")
    see(operator, ".lead", "in a file")
    assert not operator.find_elements("css selector", "textarea")
    press(operator, "#sign-out")
