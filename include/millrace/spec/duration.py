"""A length of time as people write it in a spec: `30m`, `24h`, `7d`."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, TypeAlias

from pydantic import BeforeValidator, Field

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def _short_form(value: object) -> object:
    """`24h` as a timedelta; what is written otherwise is left to pydantic, which reads ISO 8601 (`PT24H`)."""
    if isinstance(value, str) and value[:-1].isascii() and value[:-1].isdigit() and value[-1] in _UNITS:
        try:
            return timedelta(**{_UNITS[value[-1]]: int(value[:-1])})
        except OverflowError:
            raise ValueError(f"'{value}' is longer than a calendar. Allowed: such as 30m, 24h, 7d.") from None
    if isinstance(value, str) and not value.startswith(("P", "-P")):
        raise ValueError(f"'{value}' is no length of time. Allowed: a number and a unit, such as 30m, 24h, 7d, 2w.")
    return value


Duration: TypeAlias = Annotated[timedelta, BeforeValidator(_short_form), Field(ge=timedelta(0))]
"""A length of time, not negative."""


def in_words(span: timedelta) -> str:
    """A length of time as a sentence names it: `7 days`, `36 hours`, `90 minutes`, in the largest unit that fits."""
    seconds = round(span.total_seconds())
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1)):
        if seconds % size == 0 and seconds >= size:
            return f"{seconds // size} {unit}{'' if seconds == size else 's'}"
    return "0 seconds"
