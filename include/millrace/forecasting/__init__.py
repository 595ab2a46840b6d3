"""Forecasting: series on a grid, the forecasters that a candidate may name, and how sure a forecast is."""

from __future__ import annotations

from millrace.forecasting.base import ForecastCandidate
from millrace.forecasting.day_vectors import DayVector
from millrace.forecasting.seasonal import Drift, SeasonalNaive

FORECASTERS: tuple[type[ForecastCandidate], ...] = (SeasonalNaive, Drift, DayVector)
