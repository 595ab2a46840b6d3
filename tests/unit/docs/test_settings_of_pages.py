"""Every setting that the documentation names is one, with the default that it says; none is left untold."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from doc_pages import PAGES, PROJECT, inline_code, names_in, prose, table_rows
from pydantic_settings import BaseSettings

from millrace.accounts.settings import AccountSettings
from millrace.alerts.settings import AlertSettings
from millrace.maintenance.upkeep import Upkeep
from millrace.settings import Settings
from serving.access.settings import AccessSettings
from serving.settings import ServiceSettings
from serving.telemetry.settings import TelemetrySettings

CLASSES: tuple[type[BaseSettings], ...] = (
    Settings,
    ServiceSettings,
    AccountSettings,
    AccessSettings,
    AlertSettings,
    TelemetrySettings,
    Upkeep,
)
FIELDS = {name.upper(): field for kind in CLASSES for name, field in kind.model_fields.items()}
_SETTING = re.compile(r"^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+$")
OF_OTHERS = {"SSL_CERT_FILE", "OTEL_"}
"""Read by libraries, not by the project."""


def source() -> str:
    """All text in which a setting may be read."""
    folders = ("include", "serving", "dags", "plugins", "config", "deploy", "scripts")
    files = [
        path for folder in folders for path in (PROJECT / folder).rglob("*") if path.suffix in {".py", ".sh", ".js"}
    ]
    return "\n".join(
        path.read_text(encoding="utf-8") for path in [*files, PROJECT / "Makefile", PROJECT / "docker-compose.yml"]
    )


@pytest.fixture(scope="module")
def code() -> str:
    return source()


def test_settings_that_pages_name_are_read_somewhere(code):
    named = {(page.name, word) for page in PAGES for text in inline_code(page) for word in [text.partition("=")[0]]}
    unknown = {
        (page, word)
        for page, word in named
        if _SETTING.match(word) and word not in FIELDS and word not in OF_OTHERS and word not in code
    }
    assert not unknown


def test_every_setting_is_documented():
    text = "\n".join(prose(page) for page in PAGES)
    alerts = {f"ALERT_EMAIL_{rest}" for rest in re.findall(r"`_([A-Z]+)`", text)}
    untold = [name for name in FIELDS if f"`{name}" not in text and name not in alerts]
    assert not untold, "not a word of these in README.md or docs/"


def documented_defaults() -> list[tuple[str, str]]:
    rows = []
    for page in ("serving.md", "security.md", "operations.md"):
        for name, *cells in table_rows(page, "variable"):
            default = cells[1] if page == "operations.md" and len(cells) == 2 and "`" not in cells[0] else cells[0]
            rows += [(setting, default) for setting in names_in(name) if setting in FIELDS]
    return rows


@pytest.mark.parametrize(("setting", "default"), documented_defaults())
def test_a_default_is_the_one_that_is_documented(setting, default):
    actual = FIELDS[setting].default
    if isinstance(actual, Path) or actual is None or isinstance(actual, str) or not isinstance(actual, (int, float)):
        return  # said in words
    said = default.strip("`").replace(",", "")
    assert said == str(actual).lower() or float(said) == actual
