"""Requests are shared out by their key: in the stated shares, always alike, and with little moving when weights do."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.runtime.split import Split

PINNED = [
    "champion",
    "champion",
    "champion",
    "champion",
    "challenger",
    "challenger",
    "challenger",
    "champion",
    "challenger",
    "champion",
    "champion",
    "champion",
]
KEYS = [f"customer-{number}" for number in range(20_000)]


def test_each_variant_gets_its_share():
    split = Split("m", {"champion": 90, "challenger": 7, "12": 3})
    found = [split.pick(key) for key in KEYS]
    shares = {label: found.count(label) / len(KEYS) for label in ("champion", "challenger", "12")}
    # Four standard deviations of a share of 20,000 draws.
    assert shares["champion"] == pytest.approx(0.90, abs=0.0085)
    assert shares["challenger"] == pytest.approx(0.07, abs=0.0073)
    assert shares["12"] == pytest.approx(0.03, abs=0.0049)


def test_the_choice_is_the_same_in_every_process():
    code = (
        "from serving.runtime.split import Split; s = Split('m', {'champion': 1, 'challenger': 1});"
        "print(','.join(s.pick(f'k{n}') for n in range(200)))"
    )
    seeds = ("0", "1")
    found = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in seeds
    }
    here = Split("m", {"champion": 1, "challenger": 1})
    assert found == {",".join(here.pick(f"k{n}") for n in range(200)) + "\n"}


def test_known_choices_stay_as_they_were():
    """A change of the hash would move the customers of every running experiment."""
    split = Split("air-quality-co", {"champion": 1, "challenger": 1})
    assert [split.pick(f"k{n}") for n in range(12)] == PINNED


def test_a_raised_weight_moves_keys_only_towards_its_variant():
    before = Split("m", {"champion": 90, "challenger": 10, "7": 10})
    after = Split("m", {"champion": 90, "challenger": 20, "7": 10})
    moves = {(before.pick(key), after.pick(key)) for key in KEYS}
    assert {after for before, after in moves if before != after} == {"challenger"}


def test_the_order_and_the_scale_of_weights_mean_nothing():
    one, other = Split("m", {"a": 1, "b": 3}), Split("m", {"b": 0.75, "a": 0.25})
    assert [one.pick(key) for key in KEYS[:2000]] == [other.pick(key) for key in KEYS[:2000]]


def test_models_share_out_the_same_keys_each_in_its_own_way():
    one, other = Split("m", {"a": 1, "b": 1}), Split("n", {"a": 1, "b": 1})
    agree = sum(one.pick(key) == other.pick(key) for key in KEYS) / len(KEYS)
    assert agree == pytest.approx(0.5, abs=0.015)


@given(st.text(max_size=300))
def test_any_key_will_do(key):
    split = Split("m", {"a": 1e-9, "b": 1e9, "c": 0})
    assert split.pick(key) in {"a", "b"}
    assert split.pick(key) == split.pick(key)
    assert Split("m", {"a": 0, "b": 2}).pick(key) == "b"
