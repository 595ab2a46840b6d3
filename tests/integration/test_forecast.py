"""A forecast from the table to the store: trained, chosen on the past, registered, kept once, judged by what came."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from forecast_bench import BEGAN, MEMBERS, Bench, cities, spec_of

from millrace.errors import TrainingError
from millrace.settings import Settings
from millrace.stages.registration.served_form import ServedForm

pytestmark = pytest.mark.integration


@pytest.fixture
def bench(settings: Settings) -> Bench:
    return Bench(settings)


def test_a_run_ends_with_forecasts_that_come_true(bench: Bench) -> None:
    whole = cities(days=80)
    known = whole[whole["at"] < pd.Timestamp("2024-03-30 23:00", tz="UTC")]  # midnight before the short day
    outputs = bench.run(spec_of(), known)
    trained = {one["candidate"]: one for one in outputs["train"]}
    assert set(trained) == {"day_vector", "mean", "baseline"}
    assert outputs["evaluate"]["best"] in {"day_vector", "mean"}
    chosen = trained[outputs["evaluate"]["best"]]
    assert chosen["cv_metrics"]["mape"] < 0.5 * trained["baseline"]["cv_metrics"]["mape"] + 0.02
    assert 0.8 < chosen["metrics"]["coverage"] <= 1.0
    assert chosen["metrics"]["mase"] < 1
    assert chosen["rows"]["test"] == 2 * 168
    assert set(outputs["evaluate"]["plots"]) == {"forecast", "error_by_horizon"}
    assert outputs["register"]["promoted"], outputs["register"]["reason"]
    made = outputs["forecast"]
    assert (made["series"], made["model_version"], made["origin"]) == (2, "1", "2024-03-30T23:00:00+00:00")
    found = bench.documents()
    assert made["forecasts"] == len(found) == 2 * 23  # 31 March has no 02:00
    first = found[0]
    assert first["city"] == first["series"] == "Bilbao"
    assert first["timestamp"] == datetime(2024, 3, 30, 23, tzinfo=UTC)
    assert first["confidence_lower"] < first["demand"] < first["confidence_upper"]
    assert (first["horizon"], first["model_version"], first["level"]) == (1, "1", 0.9)
    truth = whole.set_index(["city", "at"])["demand"]
    errors = [abs(d["demand"] - truth[d["city"], pd.Timestamp(d["timestamp"])]) / d["demand"] for d in found]
    assert np.mean(errors) < 0.04


def test_a_repeated_run_leaves_one_forecast_and_new_data_makes_a_new_one(bench: Bench) -> None:
    spec, whole = spec_of(candidates=[{"estimator": "day_vector"}]), cities(days=80)
    until = BEGAN + pd.Timedelta(days=66, hours=23)
    bench.run(spec, whole[whole["at"] < until])
    before = bench.documents()
    bench.run(spec, whole[whole["at"] < until])
    again = bench.documents()
    assert [d["_id"] for d in again] == [d["_id"] for d in before]
    assert {d["model_version"] for d in again} == {"1"}

    outputs = bench.run(spec, whole[whole["at"] < until + pd.Timedelta(days=2)])
    assert outputs["forecast"]["model_version"] is not None
    found = bench.documents()
    assert len(found) == 2 * len(before)
    assert len({d["origin"] for d in found}) == 2
    judged = [d for d in found if d.get("actual") is not None]
    assert [d["_id"] for d in judged] == [d["_id"] for d in before]
    truth = whole.set_index(["city", "at"])["demand"]
    assert all(d["actual"] == truth[d["city"], pd.Timestamp(d["timestamp"])] for d in judged)
    inside = [d["confidence_lower"] <= d["actual"] <= d["confidence_upper"] for d in judged]
    live = outputs["forecast"]["live"]
    assert live["count"] == len(judged)
    assert live["missing"] == 0
    assert live["coverage"] == pytest.approx(np.mean(inside))


def test_the_champion_is_judged_by_what_it_forecast_before_it_was_fitted_and_after(bench: Bench) -> None:
    """The held-out week of the second run is half in the champion's record, half after its fit."""
    spec, whole = spec_of(candidates=[{"estimator": "day_vector"}]), cities(days=80)
    until = BEGAN + pd.Timedelta(days=66, hours=23)
    bench.run(spec, whole[whole["at"] < until])
    other = spec_of(candidates=[{"estimator": "day_vector", "days": [1, 2]}])
    outputs = bench.run(other, whole[whole["at"] < until + pd.Timedelta(days=3)])
    champion = outputs["evaluate"]["champion"]
    assert champion["version"] == "1"
    assert 0 < champion["metrics"]["mape"] < 0.05
    assert set(champion["difference"]) >= {"mape", "mase"}
    assert not any("not compared" in sentence for sentence in bench.warnings())


def test_a_champion_of_other_series_is_no_hurdle_and_new_series_are_told(bench: Bench) -> None:
    spec, whole = spec_of(candidates=[{"estimator": "day_vector"}]), cities(days=70)
    bench.run(spec, whole[whole["city"] == "Bilbao"])
    outputs = bench.run(spec.model_copy(update={"promotion": spec.promotion.model_copy(update={"limit": 1e-9})}), whole)
    assert not outputs["register"]["promoted"]
    assert any("not compared" in sentence and "Sevilla" in sentence for sentence in bench.warnings())
    assert any("1 series are new since the champion was fitted" in sentence for sentence in bench.warnings())
    assert outputs["forecast"]["series"] == 1


def test_without_a_champion_nothing_is_forecast(bench: Bench) -> None:
    spec = spec_of(candidates=[{"estimator": "day_vector"}], promotion={"limit": 1e-9})
    outputs = bench.run(spec, cities(days=60))
    assert outputs["forecast"]["forecasts"] == 0
    assert bench.documents() == []
    assert any("no champion to forecast with" in sentence for sentence in bench.warnings())


def test_a_regressor_without_its_future_is_refused(bench: Bench) -> None:
    whole = cities(days=75)
    whole["heat"] = np.random.default_rng(1).normal(0, 20, len(whole))
    whole["demand"] += whole["heat"]
    plan = spec_of().forecast.model_copy(update={"regressors": ["heat"]})
    spec = spec_of(candidates=[{"estimator": "day_vector"}]).model_copy(update={"forecast": plan})
    last = whole["at"].max() - timedelta(days=2)
    ahead = whole.assign(demand=whole["demand"].where(whole["at"] < last))
    outputs = bench.run(spec, ahead)
    assert outputs["forecast"]["forecasts"] == 48
    truth = whole.set_index(["city", "at"])["demand"]
    errors = [abs(d["demand"] - truth[d["city"], pd.Timestamp(d["timestamp"])]) for d in bench.documents()]
    assert np.mean(errors) < 6
    with pytest.raises(TrainingError, match=r"regressor 'heat' of the series 'Bilbao' is not known at 2024"):
        bench.run(spec, whole[whole["at"] < last])


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ({"max_latency_ms": 1e-6}, "one forecast of all series takes"),
        ({"max_size_mb": 1e-6}, "MB, where 1e-06 are allowed"),
        ({"max_latency_ms": 1e6, "max_size_mb": 100}, None),
    ],
)
def test_the_cost_of_a_forecast_is_measured_and_the_promotion_rule_goes_by_it(
    bench: Bench, rule: dict[str, Any], told: str | None
) -> None:
    outputs = bench.run(spec_of(candidates=[{"estimator": "day_vector"}], promotion=rule), cities(days=66))
    assert outputs["register"]["promoted"] == (told is None), outputs["register"]["reason"]
    assert (told or "and there was no champion") in outputs["register"]["reason"]
    served = ServedForm.of(bench.registry.version("cities", "1"))
    assert 0 < served.latency_ms < 10_000
    assert served.size_bytes == len(bench.artifacts.get_bytes(outputs["train"][0]["model_uri"]))


def test_pages_and_filters_of_the_store_tell_each_time_once(bench: Bench) -> None:
    began = datetime(2024, 5, 1, tzinfo=UTC)
    documents = [
        {
            "pipeline": "p",
            "series": city,
            "city": city,
            "timestamp": began + timedelta(days=origin, hours=hour),
            "demand": float(origin),
            "confidence_lower": 0.0,
            "confidence_upper": 9.0,
            "origin": began + timedelta(days=origin),
        }
        for city in ("A", "B")
        for origin in range(3)
        for hour in range(48)
    ]
    assert bench.runs.record_forecasts(documents) == 288
    assert bench.runs.record_forecasts(documents) == 288
    assert len(bench.documents()) == 288
    found = bench.runs.find_forecasts("p", limit=1000)
    assert len(found) == 2 * 96
    assert [d["demand"] for d in found[:96]] == [0.0] * 24 + [1.0] * 24 + [2.0] * 48
    pages: list[dict[str, Any]] = []
    while page := bench.runs.find_forecasts(
        "p", limit=50, after=(pages[-1]["series"], pages[-1]["timestamp"]) if pages else None
    ):
        pages += page
    assert [d["_id"] for d in pages] == [d["_id"] for d in found]
    only = bench.runs.find_forecasts("p", where={"city": "B"}, since=began, until=began + timedelta(hours=5))
    assert [(d["city"], d["timestamp"].hour) for d in only] == [("B", hour) for hour in range(5)]
    assert bench.runs.forecast_quality("p", began) == {"count": 0, "coverage": None, "width": None}
    bench.runs.record_actuals({found[0]["_id"]: 5.0, found[1]["_id"]: 50.0})
    assert bench.runs.forecast_quality("p", began) == {"count": 2, "coverage": 0.5, "width": 9.0}


def test_truths_that_never_come_do_not_hide_those_that_have_just_come(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("millrace.stores.forecasts.MOST_WAITING", 5)
    began = datetime(2024, 5, 1, tzinfo=UTC)
    bench.runs.record_forecasts(
        {"pipeline": "p", "series": "A", "timestamp": began + timedelta(hours=hour), "origin": began}
        for hour in range(20)
    )
    waiting = bench.runs.forecasts_without_actual("p", began + timedelta(hours=18))
    assert [found["timestamp"].hour for found in waiting] == [17, 16, 15, 14, 13]


def test_a_truth_that_does_not_come_is_counted(bench: Bench) -> None:
    spec, whole = spec_of(candidates=[{"estimator": "day_vector"}]), cities(days=80)
    until = BEGAN + pd.Timedelta(days=66, hours=23)
    bench.run(spec, whole[whole["at"] < until])
    silent = (whole["at"] >= until + pd.Timedelta(hours=3)) & (whole["at"] < until + pd.Timedelta(hours=13))
    later = whole[(whole["at"] < until + pd.Timedelta(days=2)) & ~(silent & (whole["city"] == "Bilbao"))]
    live = bench.run(spec, later)["forecast"]["live"]
    assert (live["count"], live["missing"]) == (48 - 10, 10)


def test_a_series_that_began_within_the_held_out_steps_does_not_stop_the_others(bench: Bench) -> None:
    whole = cities(days=70)
    young = whole["city"].eq("Sevilla") & (whole["at"] < whole["at"].max() - timedelta(days=10))
    outputs = bench.run(spec_of(candidates=[{"estimator": "mean", "members": MEMBERS}]), whole[~young])
    assert outputs["forecast"]["forecasts"] == 48
    assert any("too few values of 1 series" in sentence and "Sevilla" in sentence for sentence in bench.warnings())


def test_a_champion_of_another_horizon_is_no_hurdle_and_forecasts_nothing(bench: Bench) -> None:
    spec, whole = spec_of(candidates=[{"estimator": "day_vector"}]), cities(days=66)
    bench.run(spec, whole)
    plan = spec.forecast.model_copy(update={"horizon": 48})
    other = spec_of(candidates=[{"estimator": "day_vector"}]).model_copy(update={"forecast": plan})
    refused = other.model_copy(update={"promotion": other.promotion.model_copy(update={"limit": 1e-9})})
    outputs = bench.run(refused, whole)
    assert outputs["forecast"]["forecasts"] == 0
    assert any("not compared" in one and "horizon 24, not 48" in one for one in bench.warnings())
    assert any("so nothing is forecast" in one for one in bench.warnings())
    outputs = bench.run(other, whole)
    assert outputs["register"]["promoted"], outputs["register"]["reason"]
    assert outputs["forecast"]["forecasts"] == 2 * 48
