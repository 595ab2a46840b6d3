"""The profile of a table is finite JSON, tells what is usual, and no rare text."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st

from millrace.stages.etl import table_profile as module
from millrace.stages.etl.table_profile import table_profile


def test_each_kind_of_column_is_described() -> None:
    frame = pd.DataFrame(
        {
            "range": [0.0, 0, 100, np.nan],
            "make": ["TESLA", "TESLA", "KIA", None],
            "owner": [f"person {n}" for n in range(4)],
            "seen": pd.to_datetime(["2024-01-02", "2024-01-01", None, "2024-01-03"], utc=True),
            "empty": [None] * 4,
        }
    )
    many = pd.concat([frame.assign(owner=[f"person {n}-{i}" for i in range(4)]) for n in range(50)], ignore_index=True)
    told = {one["column"]: one for one in table_profile(many)["columns"]}
    assert told["range"] == {
        "column": "range", "kind": "number", "missing": 0.25, "distinct": 2,
        "least": 0.0, "median": 0.0, "most": 100.0, "zeros": 2 / 3,
    }  # fmt: skip
    assert told["make"]["common"] == [{"value": "TESLA", "share": 2 / 3}, {"value": "KIA", "share": 1 / 3}]
    assert (told["owner"]["distinct"], "common" in told["owner"]) == (200, False)
    assert told["seen"]["least"].startswith("2024-01-01")
    assert told["empty"]["kind"] == "empty"


def test_a_rare_category_is_not_told() -> None:
    frame = pd.DataFrame({"city": ["Seattle"] * 999 + ["a single house"]})
    (one,) = table_profile(frame)["columns"]
    assert [item["value"] for item in one["common"]] == ["Seattle"]


def test_a_large_table_is_described_by_evenly_spaced_rows(monkeypatch) -> None:
    monkeypatch.setattr(module, "MAX_ROWS", 100)
    told = table_profile(pd.DataFrame({"x": np.arange(1_050.0)}))
    assert told["rows"] == 96
    assert told["columns"][0]["most"] >= 1_000


VALUES = st.one_of(st.none(), st.floats(), st.text(max_size=4), st.booleans(), st.integers(-(2**70), 2**70))


@examples(60)
@given(st.lists(VALUES, max_size=30), st.lists(st.floats() | st.none(), max_size=30))
def test_any_table_has_a_finite_profile(mixed: list[object], numbers: list[float | None]) -> None:
    for values in (mixed, numbers):
        frame = pd.DataFrame({"x": values})
        told = table_profile(frame)
        (one,) = told["columns"]
        assert json.loads(json.dumps(told, allow_nan=False)) == told
        assert told["rows"] == len(values)
        assert one["missing"] == pytest.approx(frame["x"].isna().mean() if values else 0.0)
        assert one["distinct"] == frame["x"].nunique()
        assert one.get("least", 0) <= one.get("median", 0) <= one.get("most", 0)
