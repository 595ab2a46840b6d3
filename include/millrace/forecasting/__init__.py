"""Forecasting: series on one grid of times, the models that continue them, and how sure a forecast is."""
