"""What a column is, and which of its values look damaged."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from millrace.profiling.columns import profile_column

RANDOM = np.random.default_rng(7)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (RANDOM.normal(size=200), "number"),
        ([True, False] * 100, "boolean"),
        ([True, None] * 100, "boolean"),
        (["a", "b", "c", "d"] * 50, "category"),
        ([f"note number {i} of many" for i in range(150)] + ["none"] * 50, "text"),
        ([f"N{i}A1" for i in range(200)], "identifier"),
        (list(range(200)), "identifier"),
        ([7] * 200, "constant"),
        ([None] * 200, "empty"),
        ([1.5, 2.5] + [None] * 198, "sparse"),
        ([10**15 + 3 * i for i in range(200)], "number"),
    ],
)
def test_kinds(values: list[object], kind: str) -> None:
    assert profile_column(pd.Series(values, name="value")).kind == kind


def test_unique_whole_numbers_called_id_are_an_identifier() -> None:
    numbers = RANDOM.permutation(100_000)[:300]
    assert profile_column(pd.Series(numbers, name="DOL Vehicle ID")).kind == "identifier"
    assert profile_column(pd.Series(numbers, name="demand")).kind == "number"


def test_stray_negatives_and_far_outliers_of_counts_are_named() -> None:
    counts = pd.Series(np.r_[RANDOM.integers(0, 71, 2000), [100, 150, 200], [-9, -2]], name="BikeCount")
    damage = profile_column(counts).damage
    assert damage is not None
    assert damage.count == 5
    assert damage.minimum == 0
    assert damage.maximum is not None
    assert 70 <= damage.maximum < 100
    assert "2 of 2,005 values are negative" in damage.sentence
    assert "100, 150, 200" in damage.sentence


def test_misspelt_categories_are_named_with_what_was_meant() -> None:
    days = pd.Series(["Tuesday", "Thursday", "Friday"] * 300 + ["Tue", "Thrsday"], name="day")
    damage = profile_column(days).damage
    assert damage is not None
    assert damage.wrong == ("Thrsday", "Tue")
    assert "'Tue' (surely 'Tuesday')" in damage.sentence


@pytest.mark.parametrize(
    "values",
    [
        RANDOM.lognormal(0, 2.5, 3000),
        RANDOM.standard_cauchy(3000),
        RANDOM.normal(size=3000),
        ["MODEL S", "MODEL X", "MODEL 3", "MODEL Y"] * 300 + ["MODEL Z"],
        ["male", "female"] * 500,
        np.r_[RANDOM.integers(-50, 50, 3000)],
    ],
    ids=["lognormal", "cauchy", "normal", "names alike", "contained", "signed"],
)
def test_odd_but_ordinary_columns_are_not_called_damaged(values: list[object]) -> None:
    assert profile_column(pd.Series(values, name="value")).damage is None
