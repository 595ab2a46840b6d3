"""Schema drift between dataset versions, and the warning of a leaking target."""

from pathlib import Path

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


def test_leaks_are_found_and_honest_targets_are_not():
    random = np.random.default_rng(1)
    table = pd.DataFrame({"x": random.normal(size=400), "z": random.normal(size=400)})
    noisy = table.assign(y=table.x + random.normal(scale=0.3, size=400))
    assert find_leaks(noisy, "y", "regression") == []
    (alone,) = find_leaks(table.assign(y=(table.x > 0).map({True: "a", False: "b"})), "y", "classification")
    assert "'x' alone explains the target 'y'" in alone
    (summed,) = find_leaks(table.assign(y=table.x + table.z), "y", "regression")
    assert "a sum of other columns" in summed


def test_too_little_or_nothing_to_explain_is_no_leak():
    assert find_leaks(pd.DataFrame({"x": [1, 2], "y": [1, 2]}), "y", "regression") == []
    assert find_leaks(pd.DataFrame({"x": range(100), "y": [1] * 100}), "y", "regression") == []
    assert find_leaks(pd.DataFrame({"y": range(100)}), "y", "regression") == []


def test_odd_columns_and_targets_do_not_stop_the_check():
    odd = pd.DataFrame({"l": [[1], [2]] * 50, "b": [True, None] * 50, "i": [np.inf, 1e300] * 50, "n": [None] * 100})
    assert find_leaks(odd.assign(y=["a", "b", "c", "d"] * 25), "y", "regression") == []
    assert find_leaks(odd.assign(y=np.random.default_rng(3).normal(size=100)), "y", "regression") == []
    assert len(find_leaks(odd.assign(y=[0.0, 1.0] * 49 + [np.inf, np.nan]), "y", "regression")) == 1


def test_the_traffic_label_is_a_rule_on_the_counts(data_dir: Path):
    table = pd.read_csv(data_dir / "traffic" / "Traffic.csv")
    (sentence,) = find_leaks(table, "Traffic Situation", "classification")
    assert "looks like a rule" in sentence
    assert "'Total'" in sentence
    (total,) = find_leaks(table.drop(columns="Traffic Situation"), "Total", "regression")
    assert "a sum of other columns" in total
    timed = table[["Time", "Date", "Day of the week", "Traffic Situation"]]
    assert find_leaks(timed, "Traffic Situation", "classification") == []


@pytest.mark.parametrize(
    ("file", "options", "target", "task", "ignore"),
    [
        (
            "air_quality/AirQualityUCI.csv",
            {"sep": ";", "decimal": ",", "na_values": [-200]},
            "CO(GT)",
            "regression",
            (),
        ),
        ("general/winequality-white.csv", {"sep": ";"}, "quality", "regression", ()),
        ("general/winequality-white.csv", {"sep": ";"}, "quality", "classification", ()),
        ("species/penguins.csv", {}, "species", "classification", ()),
        ("building_energy/ENB2012_data.xlsx", None, "Y1", "regression", ("Y2",)),
        ("building_energy/ENB2012_data.xlsx", None, "Y1", "regression", ()),
        ("building_energy/ENB2012_data.xlsx", None, "Y2", "regression", ("Y1",)),
    ],
)
def test_real_tables_without_a_leak_raise_no_warning(data_dir: Path, file, options, target, task, ignore):
    path = data_dir / file
    table = pd.read_excel(path) if options is None else pd.read_csv(path, **options)
    assert find_leaks(table, target, task, ignore=ignore) == []
