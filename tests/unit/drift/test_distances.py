"""The distances against scipy and brute force, and that chance stays within its limits."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ks_2samp

from millrace.drift.columns import CategoryColumn, NumberColumn
from millrace.drift.distances import (
    ks_distance,
    ks_noise,
    share_limit,
    unseen_share,
    variation_distance,
    variation_noise,
)

numbers = st.lists(st.floats(-1e6, 1e6).map(lambda x: round(x, 1)), min_size=1, max_size=40)
counts = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=8).filter(
    lambda pairs: sum(a for a, _ in pairs) > 0 and sum(b for _, b in pairs) > 0
)


@given(numbers, numbers)
def test_the_distance_of_numbers_is_scipys(one: list[float], other: list[float]) -> None:
    ours = ks_distance(np.sort(one), np.sort(other))
    assert ours == pytest.approx(ks_2samp(one, other, method="asymp").statistic, abs=1e-12)


@given(counts)
def test_the_distance_of_categories_is_symmetric_and_within_0_and_1(pairs: list[tuple[int, int]]) -> None:
    one, other = np.array(pairs).T
    distance = variation_distance(one, other)
    assert 0 <= distance <= 1 + 1e-12
    assert distance == pytest.approx(variation_distance(other, one))
    assert variation_distance(one, 3 * one) == pytest.approx(0)


def test_chance_exceeds_the_noise_as_seldom_as_was_asked() -> None:
    rng = np.random.default_rng(1)
    shares = np.array([0.5, 0.3, 0.15, 0.05])
    beyond = np.zeros(2)
    for _ in range(2_000):
        one, other = np.sort(rng.normal(size=400)), np.sort(rng.normal(size=150))
        beyond[0] += ks_distance(one, other) > ks_noise(400, 150, 0.05)
        a, b = rng.multinomial(400, shares), rng.multinomial(150, shares)
        beyond[1] += variation_distance(a, b) > variation_noise(a, b, 0.05)
    assert (beyond / 2_000 <= 0.05).all()
    assert beyond[0] > 0  # the limit is near what chance does, not far beyond it


@given(st.floats(0, 0.5), st.integers(30, 5_000))
def test_a_share_beyond_its_limit_is_a_surprise(expected: float, rows: int) -> None:
    from scipy.stats import binom

    limit = share_limit(expected, rows, 0.01)
    assert binom.sf(round(limit * rows), rows, expected) <= 0.01
    assert limit >= expected - 1 / rows


def test_values_seen_once_foretell_values_never_seen() -> None:
    assert unseen_share(np.array([10, 5, 1, 1])) == pytest.approx(2 / 17)
    assert unseen_share(np.array([10, 5])) == 0
    assert unseen_share(np.array([])) == 0


column = st.lists(st.one_of(st.none(), st.floats(-50, 50).map(round)), min_size=4, max_size=40)


@given(column, st.integers(0, 39), st.integers(1, 20), st.booleans())
def test_a_part_is_measured_against_the_other_rows(values: list, start: int, size: int, is_number: bool) -> None:
    whole = pd.Series(values, dtype="float64") if is_number else pd.Series(values, dtype="object")
    part = slice(start % len(values), min(len(values), start % len(values) + size))
    kind = NumberColumn if is_number else CategoryColumn
    others = whole.drop(whole.index[part])
    found = kind(whole).figures_of_part(part)
    if not others.notna().any() or not whole.iloc[part].notna().any():
        assert set(found) == {"missing"}
        return
    assert found == pytest.approx(kind(others).figures(whole.iloc[part]))
