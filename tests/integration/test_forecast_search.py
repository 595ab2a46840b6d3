"""`candidates: auto` and `search` of a forecast, with real fits and stores: chosen on the past, told by its account."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from forecast_bench import Bench, cities, spec_of

from millrace.estimators.threads import VARIABLE
from millrace.forecasting.mean import MeanModel
from millrace.settings import Settings
from millrace.stores.model_format import model_from_bytes

pytestmark = pytest.mark.integration


@pytest.fixture
def bench(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setenv(VARIABLE, "1")
    return Bench(settings)


def trained(outputs: dict[str, Any], label: str) -> dict[str, Any]:
    return next(one for one in outputs["train"] if one["candidate"] == label)


def test_auto_is_chosen_promoted_and_forecasts(bench: Bench) -> None:
    spec = spec_of(candidates="auto", search={"trials": 8})
    outputs = bench.run(spec, cities(days=90))
    auto, report = trained(outputs, "auto"), trained(outputs, "auto")["report"]
    assert outputs["register"]["promoted"], outputs["register"]["reason"]
    assert outputs["forecast"]["forecasts"] == 2 * 24
    tried = {one["estimator"] for one in report["best_trials"]}
    assert {"seasonal_naive", "lear", "linear_lags"} <= tried
    assert report["trials"] == 8
    assert auto["metrics"]["mape"] < trained(outputs, "baseline")["metrics"]["mape"]
    assert 0.75 < auto["metrics"]["coverage"] <= 1.0
    weights = [member["weight"] for member in report["members"]]
    assert sum(weights) == pytest.approx(1.0)
    model = model_from_bytes(bench.artifacts.get_bytes(auto["model_uri"]), "auto")
    assert isinstance(model.forecaster, MeanModel) == (len(weights) > 1)
    assert model.record.shape == (14 + 7, 2, 24)
    assert np.isfinite(model.record).all()


def test_the_record_of_a_mean_is_what_its_members_would_have_forecast(bench: Bench) -> None:
    """A mean of fits that are known apart: its walk is their walks' mean, and so is its next forecast."""
    whole = cities(days=80)
    spec = spec_of(candidates="auto", search={"trials": 5, "warm_start": False})
    first = trained(bench.run(spec, whole), "auto")
    again = trained(bench.run(spec_of(candidates="auto", search={"trials": 5, "warm_start": False}), whole), "auto")
    one, other = (model_from_bytes(bench.artifacts.get_bytes(t["model_uri"]), "auto") for t in (first, again))
    np.testing.assert_array_equal(one.record, other.record)
    alone = spec_of(candidates="auto", search={"trials": 5, "ensemble": "off", "warm_start": False})
    best = trained(bench.run(alone, whole), "auto")
    assert len(best["report"]["members"]) == 1
    assert first["cv_metrics"]["mape"] <= best["cv_metrics"]["mape"] * 1.0001


def test_a_candidate_searches_its_own_options_and_begins_where_the_champion_stands(bench: Bench) -> None:
    search = {"alpha": [0.01, 100.0], "days": {"choices": [[1], [1, 7]]}}
    candidate = {"estimator": "day_vector", "search": search, "trials": 4}
    spec = spec_of(candidates=[candidate])
    found = trained(bench.run(spec, cities(days=80)), "day_vector")
    assert found["report"]["trials"] == 4
    best = found["report"]["best_trials"][0]["params"]
    assert found["params"]["regressor"]["params"]["alpha"] == best["alpha"]
    assert found["params"]["days"] == best["days"]
    assert found["metrics"]["mape"] < 0.05
    again = trained(bench.run(spec_of(candidates=[{**candidate, "trials": 1}]), cities(days=81)), "day_vector")
    assert again["report"]["best_trials"][0]["params"] == best


def test_a_search_without_anything_usable_says_why(bench: Bench) -> None:
    from millrace.errors import TrainingError

    candidate = {"estimator": "day_vector", "search": {"alpha": [0.1, 1.0]}, "trials": 2}
    with pytest.raises(TrainingError, match=r"All 2 trials of the candidate 'day_vector' failed: No series has 30"):
        bench.run(spec_of(candidates=[candidate]), cities(days=30))
