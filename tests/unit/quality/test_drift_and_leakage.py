"""Schema drift between dataset versions, and the warning of a leaking target."""

import numpy as np
import pandas as pd
import pytest

from millrace.errors import DataError
from millrace.quality.drift import refuse_missing, schema_drift
from millrace.quality.leakage import find_leaks
from millrace.quality.values import plain


def test_drift_names_what_was_added_removed_and_changed():
    drift = schema_drift(
        {"a": "int64", "b": "string", "n": "int64"}, {"a": "string", "c": "double", "n": "double"}, needed=["x"]
    )
    assert [sentence.split("'")[1] for sentence in drift.warnings] == ["b", "c", "a"]
    assert "was int64 in the previous dataset and is string now" in drift.warnings[2]
    assert drift.missing == []


def test_a_needed_column_that_is_gone_ends_the_run():
    present = {"CarCounts": "int64"}
    drift = schema_drift({"CarCount": "int64"}, present, needed=["CarCount"])
    with pytest.raises(DataError, match=r"'CarCount', which the pipeline needs.*Did you mean 'CarCounts'"):
        refuse_missing(drift, present)


def test_plain_makes_json_of_what_tools_return():
    found = plain({"a": np.float64("nan"), "b": [pd.NaT, np.int64(3)], "c": pd.Timestamp("2024-01-01", tz="UTC")})
    assert found == {"a": None, "b": [None, 3], "c": "2024-01-01T00:00:00+00:00"}


def test_too_little_or_nothing_to_explain_is_no_leak():
    assert find_leaks(pd.DataFrame({"x": [1, 2], "y": [1, 2]}), "y", "regression") == []
    assert find_leaks(pd.DataFrame({"x": range(100), "y": [1] * 100}), "y", "regression") == []
    assert find_leaks(pd.DataFrame({"y": range(100)}), "y", "regression") == []


def test_odd_columns_and_targets_do_not_stop_the_check():
    odd = pd.DataFrame({"l": [[1], [2]] * 50, "b": [True, None] * 50, "i": [np.inf, 1e300] * 50, "n": [None] * 100})
    assert find_leaks(odd.assign(y=["a", "b", "c", "d"] * 25), "y", "regression") == []
    assert find_leaks(odd.assign(y=np.random.default_rng(3).normal(size=100)), "y", "regression") == []
    assert len(find_leaks(odd.assign(y=[0.0, 1.0] * 49 + [np.inf, np.nan]), "y", "regression")) == 1
