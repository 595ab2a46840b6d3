"""Values that mean missing are told from values that are merely rare or small."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from millrace.profiling.sentinels import missing_values

RANDOM = np.random.default_rng(5)


def with_some(values: np.ndarray, sentinel: float, count: int = 40) -> np.ndarray:
    values = values.copy()
    values[RANDOM.choice(len(values), count, replace=False)] = sentinel
    return values


@pytest.mark.parametrize("sentinel", [-200, -999, -9999, 9999, 99999])
def test_a_repeated_number_far_outside_means_missing(sentinel: int) -> None:
    frame = pd.DataFrame({"co": with_some(RANDOM.gamma(2, 1, 2000), sentinel)})
    assert missing_values(frame) == [sentinel]


@pytest.mark.parametrize(
    "values",
    [
        with_some(RANDOM.gamma(2, 1, 2000), 0),
        with_some(RANDOM.gamma(2, 1, 2000), -1),
        with_some(RANDOM.normal(-150, 60, 2000), -200),
        with_some(RANDOM.uniform(0, 1000, 2000), 999),
        with_some(RANDOM.gamma(2, 1, 2000), -999, count=2),
        RANDOM.lognormal(0, 3, 2000),
    ],
    ids=["zero", "minus one", "within", "at the end of a range", "hardly repeated", "heavy tail"],
)
def test_ordinary_extremes_are_kept(values: np.ndarray) -> None:
    assert missing_values(pd.DataFrame({"value": values})) == []


def test_a_value_that_another_column_has_for_good_is_kept() -> None:
    frame = pd.DataFrame({"co": with_some(RANDOM.gamma(2, 1, 2000), -200), "z": RANDOM.integers(-400, 400, 2000)})
    frame.loc[0, "z"] = -200
    assert missing_values(frame) == []


def test_a_mark_among_numbers_means_missing() -> None:
    frame = pd.DataFrame({"hp": ["130", "?", "165", "150"] * 30, "name": ["a", "b", "?", "c"] * 30})
    assert missing_values(frame) == ["?"]


def test_words_in_a_text_column_are_values() -> None:
    assert missing_values(pd.DataFrame({"city": ["Ulm", "unknown", "Bonn"] * 30})) == []
