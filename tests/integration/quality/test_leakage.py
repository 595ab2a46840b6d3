"""Schema drift between dataset versions, and the warning of a leaking target."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from millrace.quality.leakage import find_leaks


def test_leaks_are_found_and_honest_targets_are_not():
    random = np.random.default_rng(1)
    table = pd.DataFrame({"x": random.normal(size=400), "z": random.normal(size=400)})
    noisy = table.assign(y=table.x + random.normal(scale=0.3, size=400))
    assert find_leaks(noisy, "y", "regression") == []
    (alone,) = find_leaks(table.assign(y=(table.x > 0).map({True: "a", False: "b"})), "y", "classification")
    assert "'x' alone explains the target 'y'" in alone
    (summed,) = find_leaks(table.assign(y=table.x + table.z), "y", "regression")
    assert "a sum of other columns" in summed


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
