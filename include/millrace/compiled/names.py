"""How a part of a model is named in the registries of this room: by its library and class, without importing either."""

from __future__ import annotations

from typing import Any


def name_of(part: Any) -> str:
    """`sklearn.Ridge`, `xgboost.XGBRegressor`, `millrace.EncodedLabels` …"""
    return f"{type(part).__module__.partition('.')[0]}.{type(part).__name__}"
