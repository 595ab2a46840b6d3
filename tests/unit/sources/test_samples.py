"""The sample tables: the same rows whatever the chunks, and a signal that can be learnt."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from millrace.sources.sample import SAMPLES, SampleSource
from millrace.sources.samples.making import BLOCK_ROWS

SYNTHETIC = [name for name, sample in SAMPLES.items() if not sample.real]


@pytest.mark.parametrize("name", SAMPLES)
def test_every_sample_has_its_rows(read, name):
    table, reading = read(SampleSource(name=name))
    assert len(table) == SAMPLES[name].rows
    assert reading.origin["synthetic"] is not SAMPLES[name].real
    assert not reading.notes


@pytest.mark.parametrize("name", SYNTHETIC)
def test_a_row_does_not_depend_on_the_chunks_or_on_the_number_of_rows(read, name):
    rows = BLOCK_ROWS + 500
    whole, _ = read(SampleSource(name=name, rows=rows))
    pieces, _ = read(SampleSource(name=name, rows=rows), chunk_rows=7001)
    longer, _ = read(SampleSource(name=name, rows=rows + 300))
    pd.testing.assert_frame_equal(whole, pieces)
    pd.testing.assert_frame_equal(whole, longer.head(rows))
    other, _ = read(SampleSource(name=name, rows=50, seed=18))
    assert not other.equals(whole.head(50))


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("air_quality", "CO(GT)"),
        ("energy_demand", "AEP_MW"),
        ("building_energy", "Y1"),
        ("wine", "quality"),
        ("sensors", "wear"),
    ],
)
def test_the_target_can_be_learnt_and_is_not_given_away(read, name, target):
    from sklearn.tree import DecisionTreeRegressor

    table, _ = read(SampleSource(name=name, rows=6000))
    if name == "energy_demand":
        table = table.assign(hour=table["Datetime"].dt.hour, day=table["Datetime"].dt.dayofweek)
    table = table[table[target].notna()]
    inputs = table.drop(columns=target).select_dtypes("number")
    train, test = np.arange(len(table)) < 4000, np.arange(len(table)) >= 4000
    model = DecisionTreeRegressor(max_depth=7, random_state=0).fit(inputs[train], table.loc[train, target])
    assert 0.2 < model.score(inputs[test], table.loc[test, target]) < 0.999


def test_air_quality_looks_like_the_public_table(read, data_dir):
    sample, _ = read(SampleSource(name="air_quality"))
    real = pd.read_csv(data_dir / "air_quality" / "AirQualityUCI.csv", sep=";", decimal=",", na_values=[-200]).dropna(
        how="all"
    )
    assert sample.columns.tolist() == real.columns[:15].tolist()
    assert sample["Date"].tolist() == real["Date"].tolist()
    assert sample["Time"].tolist() == real["Time"].tolist()
    for name in sample.columns[2:]:
        assert abs(sample[name].isna().mean() - real[name].isna().mean()) < 0.05
        assert 0.5 < sample[name].mean() / real[name].mean() < 2


def test_penguins_look_like_the_public_table(read, data_dir):
    sample, _ = read(SampleSource(name="penguins"))
    real = pd.read_csv(data_dir / "species" / "penguins.csv")
    assert sample.columns.tolist() == real.columns.tolist()
    assert set(sample["species"]) == set(real["species"])


def test_a_class_of_a_real_table_stands_under_its_name(read):
    table, reading = read(SampleSource(name="sklearn/breast_cancer"))
    assert table["target"].value_counts().to_dict() == {"benign": 357, "malignant": 212}
    assert reading.origin["synthetic"] is False


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"name": "air_qualty"}, "Did you mean 'air_quality'"),
        ({"name": "sklearn/iris", "rows": 151}, "real table of 150 rows"),
        ({"name": "traffic", "rows": 0}, "greater than or equal to 1"),
    ],
)
def test_a_bad_sample_is_refused_with_the_spec(spec, words):
    with pytest.raises(ValidationError, match=words):
        SampleSource(**spec)
