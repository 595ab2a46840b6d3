"""Spans of time as a person writes them in a spec: `30m`, `24h`, `7d`, or ISO 8601."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def _short_form(value: object) -> object:
    if isinstance(value, str) and value[:-1].isdigit() and value[-1] in _UNITS:
        return timedelta(**{_UNITS[value[-1]]: int(value[:-1])})
    return value


Duration = Annotated[timedelta, BeforeValidator(_short_form)]
"""A timedelta that may also be written as a whole number with m, h or d."""
