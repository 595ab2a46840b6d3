"""The page of a comparison: the same figures as the verdict, and nothing from outside."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from drift_tables import table

from millrace.drift.base import DriftLimits
from millrace.drift.compare import compare
from millrace.drift.report import drift_page


def test_the_page_shows_the_same_figures_and_reaches_for_nothing_outside() -> None:
    current = table(500, 1)
    current["n0"] += 1
    reference = table(2_000, 0)
    found = compare(reference, current, DriftLimits())
    html, document = drift_page(reference, current, found)
    assert b"<script src=" not in html
    assert b"<link" not in html.replace(b"<link/", b"")
    values = {m["config"]["column"]: m["value"] for m in json.loads(document)["metrics"] if "column" in m["config"]}
    ours = {column.column: column.measures["distribution"].value for column in found.columns}
    assert values == pytest.approx(ours)


def test_no_value_of_the_data_ends_a_script_of_the_page() -> None:
    script = "</script><script>document.title = 'taken'</script>"
    reference, current = (pd.DataFrame({"<b>kind": ["a", last] * 300}) for last in ("b", script))
    html, document = drift_page(reference, current, compare(reference, current, DriftLimits()))
    assert script.encode() not in html
    assert b"\\u003c/script>" in html
    assert b"<b>kind" not in html
    assert {m["config"]["column"] for m in json.loads(document)["metrics"] if "column" in m["config"]} == {"<b>kind"}
