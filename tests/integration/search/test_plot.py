"""The plots of a search and of a model are drawn, also where there is little to draw."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from millrace.stages.evaluation.plots import plots
from millrace.stages.metrics.scoring import Answer
from millrace.stages.search.plot import search_plot
from millrace.stages.search.trials import Entry, Trial
from millrace.stages.search.workbench import Score

PNG = b"\x89PNG"


def trial(number: int, value: float | None, *, pruned: bool = False) -> Trial:
    scores = {} if value is None else {0: Score({"rmse": value}, np.zeros(2), 0.5)}
    entry = Entry(number % 2, f"e{number % 2}")
    return Trial(number, entry, {}, float(number), scores, number + 1.0, None, pruned)


def test_a_search_is_drawn() -> None:
    made = search_plot([trial(0, 2.0), trial(1, 1.0), trial(2, 3.0, pruned=True)], "rmse", greater_is_better=False)
    assert made is not None
    assert made.startswith(PNG)


@pytest.mark.parametrize("trials", [[], [trial(0, 1.0)], [trial(0, None), trial(1, None)]])
def test_a_single_trial_is_no_search(trials: list[Trial]) -> None:
    assert search_plot(trials, "rmse", greater_is_better=False) is None


@pytest.mark.parametrize("zone", [None, "UTC"])
def test_residuals_over_time_need_times(zone: str | None) -> None:
    times = pd.Series(pd.date_range("2024-01-01", periods=40, freq="h", tz=zone)).to_numpy()
    truth, said = np.arange(80.0).reshape(40, 2), Answer(np.arange(80.0).reshape(40, 2) + 1)
    drawn = plots("regression", truth, said, ["a", "b"], {}, times)
    assert set(drawn) == {"residuals", "residuals_over_time"}
    assert all(content.startswith(PNG) for content in drawn.values())
    assert set(plots("regression", truth, said, ["a", "b"], {})) == {"residuals"}
