"""The verdict on a table: silent without drift, also over many windows; loud with it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from drift_tables import table

from millrace.drift.base import Comparison, DriftLimits
from millrace.drift.compare import compare

WINDOWS = 20


def findings(found: Comparison) -> list[tuple[str, str]]:
    return [(c.column, check) for c in found.columns for check in c.measures if c.exceeded(check)]


@pytest.mark.parametrize("rows", [200, 1_000, 5_000])
def test_undrifted_windows_raise_nothing(rows: int) -> None:
    reference = table(10_000, 0)
    assert [findings(compare(reference, table(rows, seed), DriftLimits())) for seed in range(1, WINDOWS + 1)] == (
        [[]] * WINDOWS
    )


def test_a_shift_is_found_in_every_column_and_in_the_table() -> None:
    found = compare(table(10_000, 0), table(500, 1, shift=1.0), DriftLimits())
    assert {column.column for column in found.drifted} == set(table(1, 0).columns) - {"name"}
    assert found.table_drifted


def test_one_drifted_column_is_no_drift_of_the_table() -> None:
    current = table(500, 1)
    current["n0"] += 1
    found = compare(table(10_000, 0), current, DriftLimits())
    assert [column.column for column in found.drifted] == ["n0"]
    assert not found.table_drifted


def test_a_distance_that_nobody_minds_is_no_drift_however_sure_it_is() -> None:
    current = table(50_000, 1)
    current["n0"] += 0.1  # a Kolmogorov-Smirnov distance of .04, with a p-value of about 1e-20
    assert findings(compare(table(50_000, 0), current, DriftLimits())) == []
    assert ("n0", "distribution") in findings(compare(table(50_000, 0), current, DriftLimits(distance=0.02)))


def test_missing_values_new_categories_and_numbers_beyond_training_are_told_apart() -> None:
    current = table(500, 1)
    current.loc[:99, "n1"] = np.nan
    current.loc[:39, "make"] = "zeppelin"
    current.loc[:29, "n2"] = 1e9
    found = compare(table(10_000, 0), current, DriftLimits())
    assert findings(found) == [("n1", "missing"), ("n2", "out_of_range"), ("make", "new_categories")]
    make = next(column for column in found.columns if column.column == "make")
    assert make.examples == ["zeppelin"]


def test_text_among_numbers_shows_as_missing() -> None:
    current = table(500, 1)
    current["n0"] = current["n0"].astype(object)
    current.loc[:99, "n0"] = "n/a"
    assert findings(compare(table(10_000, 0), current, DriftLimits())) == [("n0", "missing")]


def test_a_column_that_is_empty_now_is_a_finding_and_no_failure() -> None:
    current = table(500, 1).assign(n0=np.nan)
    assert findings(compare(table(10_000, 0), current, DriftLimits())) == [("n0", "missing")]


def test_what_is_not_compared_says_why() -> None:
    reference = table(300, 0).assign(at=pd.Timestamp("2024-01-01"), empty=np.nan)
    found = compare(reference, table(300, 1).drop(columns="n0").assign(empty=1.0), DriftLimits(ignore=["n1"]))
    assert {column.column: column.reason for column in found.skipped} == {
        "n0": "not in the compared table",
        "n1": "ignored by the spec",
        "at": "a time, which always moves on",
        "empty": "hardly any value in the reference",
    }


def test_a_category_is_the_same_however_it_is_written() -> None:
    reference = pd.DataFrame({"grade": ["1", "2"] * 100, "open": [True, False] * 100})
    current = pd.DataFrame({"grade": [1.0, 2.0] * 100, "open": ["True", "False"] * 100})
    assert findings(compare(reference, current, DriftLimits())) == []
