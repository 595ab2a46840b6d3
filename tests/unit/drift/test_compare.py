"""The verdict on a table: silent without drift, also over many windows and in the order of time; loud with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from millrace.drift.base import Comparison, DriftLimits
from millrace.drift.compare import compare
from millrace.drift.report import drift_page

WINDOWS = 20


def table(rows: int, seed: int, shift: float = 0.0) -> pd.DataFrame:
    """Eight numbers, whole numbers, texts of few and of many values, a flag; a tenth of one column is missing."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({f"n{i}": rng.normal(shift, 1, rows) for i in range(6)})
    frame["heavy"] = rng.pareto(1.5, rows) + shift
    frame["gaps"] = np.where(rng.random(rows) < 0.1, np.nan, rng.normal(shift, 1, rows))
    frame["count"] = rng.poisson(3 + 2 * shift, rows)
    frame["make"] = rng.choice(["a", "b", "c"], rows, p=[0.6, 0.3, 0.1] if not shift else [0.2, 0.2, 0.6])
    frame["name"] = [f"car {number}" for number in rng.zipf(1.3, rows) % 100_000]
    frame["flag"] = rng.random(rows) < 0.2 + 0.4 * bool(shift)
    return frame


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


def seasons(days: int, start: int = 0, seed: int = 0) -> pd.DataFrame:
    """Hourly weather: a year's course, weather that stays for days, and a tilt of the hours of the day."""
    rng = np.random.default_rng(seed)
    hours = np.arange(start * 24, (start + days) * 24)
    weather = pd.Series(rng.normal(0, 1, len(hours))).ewm(halflife=36).mean().to_numpy() * 5
    year, day = np.sin(2 * np.pi * hours / 8766), np.sin(2 * np.pi * hours / 24)
    return pd.DataFrame(
        {
            "at": pd.Timestamp("2020-01-01", tz="UTC") + pd.to_timedelta(hours, unit="h"),
            "heat": 12 + 10 * year + 4 * day + weather,
            "damp": 60 - 8 * year - 6 * day + 3 * weather,
            "rain": np.where(weather > 1, "rain", "dry"),
        }
    )


def weekly(reference: pd.DataFrame, later: pd.DataFrame) -> list[list[tuple[str, str]]]:
    week = pd.Timedelta(days=7)
    starts = [later["at"].iloc[0] + number * week for number in range(WINDOWS)]
    windows = [later[(later["at"] >= start) & (later["at"] < start + week)] for start in starts]
    return [findings(compare(reference, part, DriftLimits(), reference["at"], week)) for part in windows]


def test_the_seasons_are_no_drift_where_the_reference_knows_them() -> None:
    everything = seasons(900)
    reference, later = everything[: 730 * 24], everything[730 * 24 :]
    assert weekly(reference, later) == [[]] * WINDOWS
    blind = [findings(compare(reference, later[i * 168 : (i + 1) * 168], DriftLimits())) for i in range(WINDOWS)]
    assert sum(map(bool, blind)) > WINDOWS / 2  # without knowing what a week is, most weeks would be alarms


def test_a_change_beyond_the_seasons_is_found() -> None:
    everything = seasons(900)
    reference, later = everything[: 730 * 24], everything[730 * 24 :].copy()
    later["heat"] += 25
    later["rain"] = "snow"
    found = weekly(reference, later)
    assert all(("heat", "distribution") in week and ("rain", "new_categories") in week for week in found)


def test_real_demand_is_no_drift_in_twenty_weeks_and_a_broken_meter_is(data_dir: Path) -> None:
    demand = pd.read_csv(data_dir / "energy_demand" / "AEP_hourly.csv", parse_dates=["Datetime"])
    demand = demand.rename(columns={"Datetime": "at"}).sort_values("at", ignore_index=True)
    demand["lag"] = demand["AEP_MW"].shift(24)
    demand = demand.dropna().iloc[-4 * 8766 :].reset_index(drop=True)
    reference, later = demand[: 3 * 8766], demand[3 * 8766 :]
    assert weekly(reference, later) == [[]] * WINDOWS
    assert all(("AEP_MW", "distribution") in week for week in weekly(reference, later.assign(AEP_MW=9_000.0)))


def test_the_page_shows_the_same_figures_and_reaches_for_nothing_outside() -> None:
    import json

    current = table(500, 1)
    current["n0"] += 1
    reference = table(2_000, 0)
    found = compare(reference, current, DriftLimits())
    html, document = drift_page(reference, current, found)
    assert b"<script src=" not in html
    assert b"<link" not in html.replace(b"<link/", b"")
    values = {m["config"]["column"]: m["value"] for m in json.loads(document)["metrics"] if "column" in m["config"]}
    ours = {column.column: column.measures["distribution"].value for column in found.columns}
    assert values == pytest.approx(ours)
