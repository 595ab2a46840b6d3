"""Draws the held-out forecasts of a series with their intervals, and the error by step ahead."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from millrace.forecasting.scores import LOWER, TRUTH, UPPER, VALUE
from millrace.stages.evaluation.plots import figure_of, png

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from millrace.forecasting.panel import Array

MAX_STEPS = 336


def forecast_plots(steps: pd.DataFrame, truth: Array, given: Array) -> dict[str, bytes]:
    """The plots by name. `steps` has a row for each held-out step: series, timestamp, origin, horizon."""
    return {
        "forecast": png(_course(steps, truth, given)),
        "error_by_horizon": png(_by_horizon(steps, truth, given)),
    }


def _course(steps: pd.DataFrame, truth: Array, given: Array) -> Figure:
    """The last steps of the first series, each by the newest forecast of it."""
    name = str(steps["series"].iloc[0])
    own = steps[steps["series"] == name].sort_values(["timestamp", "origin"]).drop_duplicates("timestamp", keep="last")
    rows = own.index[-MAX_STEPS:].to_numpy()
    figure, axes = figure_of(columns=2)
    axis = axes[0][0]
    times = steps["timestamp"].loc[rows].to_numpy()
    axis.plot(times, truth[rows, TRUTH], label="true")
    axis.plot(times, given[rows, VALUE], label="forecast")
    axis.fill_between(times, given[rows, LOWER], given[rows, UPPER], alpha=0.25, label="interval")
    axis.set_title(f"held-out steps: {name}")
    axis.tick_params(axis="x", rotation=30)
    axis.legend()
    _errors(axes[0][1], truth[rows, TRUTH] - given[rows, VALUE], times)
    return figure


def _errors(axis: object, errors: Array, times: Array) -> None:
    axis.plot(times, errors, linewidth=0.8)  # type: ignore[attr-defined]
    axis.axhline(0, color="black", linewidth=0.8)  # type: ignore[attr-defined]
    axis.set_title("true value minus forecast")  # type: ignore[attr-defined]
    axis.tick_params(axis="x", rotation=30)  # type: ignore[attr-defined]


def _by_horizon(steps: pd.DataFrame, truth: Array, given: Array) -> Figure:
    ahead = steps["horizon"].to_numpy()
    errors = np.abs(truth[:, TRUTH] - given[:, VALUE])
    horizons = np.unique(ahead)
    figure, axes = figure_of()
    axis = axes[0][0]
    axis.plot(horizons, [errors[ahead == step].mean() for step in horizons], marker=".")
    axis.set_xlabel("steps ahead")
    axis.set_ylabel("mean absolute error")
    axis.set_ylim(bottom=0)
    return figure
