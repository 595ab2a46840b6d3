"""One feature set, joined by two pipelines through the whole chain, and what its faults say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from millrace.pipeline import new_run_id, open_context, run_pipeline
from millrace.settings import Settings, get_settings
from millrace.spec.catalogue import load_spec
from millrace.stores.artifacts import S3ArtifactStore
from millrace.stores.model_registry import MlflowRegistry

pytestmark = pytest.mark.integration
SET = """
name: weather
description: Weather by district
source: {{type: file, path: "{folder}/weather.csv", format: csv, timestamp: {{from: seen, as: seen}}}}
entity: [district]
event_time: seen
known_after: 1h
max_age: {max_age}
features: [heat]
"""
PIPELINE = """
name: {name}
source: {{type: file, path: "{folder}/trips.csv", format: csv, timestamp: {{from: at, as: at}}}}
transform:
  - {{step: feature_set, name: {set}, time: at}}
{training}
"""
TRAINING = """
task: regression
target: trips
split: {by: random, test: 0.2}
candidates: [{estimator: ridge}]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    rng, hours = np.random.default_rng(0), np.arange(24 * 20)
    start = pd.Timestamp("2024-03-01", tz="UTC")
    weather = pd.DataFrame(
        [
            (d, start + pd.Timedelta(hours=int(h)), 10 * i + h / 24 + rng.normal(), 1)
            for i, d in enumerate(["n", "s"])
            for h in hours
        ],
        columns=["district", "seen", "heat", "station"],
    )
    trips = pd.DataFrame(
        {
            "district": rng.choice(["n", "s"], 400),
            "at": start + pd.to_timedelta(rng.integers(0, 480 * 60, 400), unit="min"),
        }
    )
    trips["trips"] = 5.0 * (trips["district"] == "s") + (trips["at"] - start).dt.days
    weather.to_csv(tmp_path / "weather.csv", index=False)
    trips.to_csv(tmp_path / "trips.csv", index=False)
    (tmp_path / "sets").mkdir()
    (tmp_path / "sets" / "weather.yaml").write_text(SET.format(folder=tmp_path, max_age="6h"))
    monkeypatch.setenv("MILLRACE_FEATURES_DIR", str(tmp_path / "sets"))
    get_settings.cache_clear()
    yield tmp_path
    get_settings.cache_clear()


def run(settings: Settings, folder: Path, name: str, training: str = "", **more: str) -> dict[str, Any]:
    path = folder / f"{name}.yaml"
    path.write_text(PIPELINE.format(name=name, folder=folder, training=training, **{"set": "weather", **more}))
    loaded = load_spec(path)
    return run_pipeline(open_context(loaded, new_run_id(loaded.spec), settings=settings))


def table_of(settings: Settings, run_id: str) -> pd.DataFrame:
    from millrace.stores.runs import MongoRunStore

    output = MongoRunStore(settings).get_run(run_id)["stages"]["transform"]["output"]
    return S3ArtifactStore(settings).open_dataset(output["dataset"]["uri"]).frame()


def test_two_pipelines_share_a_set_as_it_was_known_at_each_rows_time(settings: Settings, folder: Path) -> None:
    weather = pd.read_csv(folder / "weather.csv", parse_dates=["seen"])
    for name, training in (("trips-etl", ""), ("trips-model", TRAINING)):
        summary = run(settings, folder, name, training)
        assert summary["status"] == "success", summary["error"]
        table = table_of(settings, summary["run_id"])
        assert "station" not in table.columns
        for row in table.head(50).itertuples():
            known = weather[(weather["district"] == row.district) & (weather["seen"] <= row.at - pd.Timedelta(hours=1))]
            young = known[known["seen"] >= row.at - pd.Timedelta(hours=6)]
            expected = young["heat"].iloc[-1] if len(young) else None
            assert row.heat == pytest.approx(expected) if expected is not None else pd.isna(row.heat)
    # In serving the value is an input like any other: whoever asks gives it.
    model = MlflowRegistry(settings).load(MlflowRegistry(settings).champion("trips-model"))
    assert "heat" in model[0].inputs_


def test_a_set_that_is_not_there_stops_the_run_with_its_name(settings: Settings, folder: Path) -> None:
    error = run(settings, folder, "trips", set="wether")["error"]
    assert error["code"] == "not_found"
    assert "There is no feature set 'wether'" in error["message"]
    assert "Did you mean 'weather'?" in error["message"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("event_time: seen", "event_time: station", "does not hold times"),
        ("entity: [district]", "entity: [distrikt]", "no column 'distrikt'. Did you mean 'district'"),
        ("max_age: 6h", "max_age: 10m", "no value would count"),
        ("features: [heat]", "featurs: [heat]", "featurs: unknown key. Did you mean 'features'"),
        ("name: weather", "name: climate", "holds the feature set 'climate', not 'weather'"),
    ],
)
def test_a_faulty_set_says_what_to_mend(settings: Settings, folder: Path, old: str, new: str, said: str) -> None:
    path = folder / "sets" / "weather.yaml"
    path.write_text(path.read_text().replace(old, new))
    assert said in run(settings, folder, "trips")["error"]["message"]


FEATURES = Path(__file__).parents[2] / "include" / "features"


@pytest.mark.parametrize("name", sorted(path.stem for path in FEATURES.glob("*.yaml")))
def test_a_published_set_knows_no_value_of_its_future(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the property of the join, with the set as it is read: brute force, and rows from after the last one asked."""
    from millrace.sources.base import Reading
    from millrace.sources.reading import read_table
    from millrace.spec.feature_sets import find_feature_set
    from millrace.transforms.as_of import as_of

    monkeypatch.setenv("DATA_DIR", str(tmp_path))  # nothing is there: the set reads its synthetic table
    found = find_feature_set(FEATURES, name)
    table = read_table(found.source, Reading()).head(500)
    times = table[found.event_time]
    asked = table.sample(60, random_state=3)[[*found.entity, found.event_time]].rename(columns={found.event_time: "at"})
    asked["at"] += pd.Timedelta("90min")
    known = table[times <= asked["at"].max() - found.known_after]
    options = {
        "entity": found.entity,
        "time": "at",
        "event_time": found.event_time,
        "max_age": found.max_age,
        "known_after": found.known_after,
    }
    joined = as_of(asked, table, **options)
    pd.testing.assert_frame_equal(joined, as_of(asked, known, **options))
    for place, row in asked.reset_index(drop=True).iterrows():
        mine = table[(table[found.entity] == row[found.entity]).all(axis=1)] if found.entity else table
        mine = mine[mine[found.event_time] + found.known_after <= row["at"]]
        if found.max_age is not None:
            mine = mine[row["at"] - mine[found.event_time] <= found.max_age]
        expected = mine.iloc[-1] if len(mine) else pd.Series(index=joined.columns, dtype=float)
        pd.testing.assert_series_equal(
            joined.iloc[place], expected[joined.columns], check_names=False, check_dtype=False
        )
