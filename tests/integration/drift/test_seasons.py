"""Drift in the order of time: the seasons are none, a change beyond them is one, also in real demand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from millrace.drift.base import Comparison, DriftLimits
from millrace.drift.compare import compare

WINDOWS = 20


def findings(found: Comparison) -> list[tuple[str, str]]:
    return [(c.column, check) for c in found.columns for check in c.measures if c.exceeded(check)]


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
