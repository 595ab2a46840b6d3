"""The kinds of input values: how a JSON value of each becomes a value of a column, and what is refused.

One entry a kind of MLflow's signature. Nothing is converted that the sender did not mean: a numeric string is no
number, a boolean is no number, and a number that float64 cannot hold exactly is no integer.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from millrace.inputs import typed
from millrace.inputs.typed import LARGEST_EXACT

if TYPE_CHECKING:
    import numpy.typing as npt

EARLIEST, LATEST = datetime(1678, 1, 1, tzinfo=UTC), datetime(2262, 1, 1, tzinfo=UTC)


class UnfitValue(ValueError):  # noqa: N818 - a verdict on a value, told to the sender as a RequestError
    """A value is not of its field's kind; the text says what is wanted."""


@dataclass(frozen=True)
class Kind:
    """One kind of value: its reader for one JSON value, the column of such values, its JSON schema, an example."""

    wanted: str
    read: Callable[[Any], Any]
    column: Callable[[list[Any]], npt.NDArray[Any]]
    json_schema: dict[str, Any]
    example: Any
    typed: Callable[[npt.NDArray[Any]], npt.NDArray[Any] | None]
    """Takes an array that has a datatype and no gaps; None where a value may not fit."""
    plain: frozenset[type] = frozenset()
    """JSON types of which every finite value fits: a column of them alone needs no look at each value."""
    wire: type = str
    """What the quick decoder reads such a value as."""
    tidy: Callable[[Any], Any] = lambda value: value
    """Writes an example's value as a person would."""


def _number(value: Any) -> float:
    if type(value) not in (int, float):
        hint = "; send it without quotes" if type(value) is str and _is_numeric(value) else ""
        raise UnfitValue(f"a number is wanted{hint}")
    try:
        number = float(value)
    except OverflowError:
        raise UnfitValue("a number within the range of double precision is wanted") from None
    if not math.isfinite(number):
        raise UnfitValue("a finite number is wanted")
    return number


def _integer(value: Any) -> float:
    number = _number(value)
    if not number.is_integer():
        raise UnfitValue("a whole number is wanted")
    if abs(number) > LARGEST_EXACT:
        raise UnfitValue("a whole number of at most 2^53 - 1 is wanted")
    return number


def _boolean(value: Any) -> float:
    if type(value) is not bool:
        raise UnfitValue("true or false is wanted")
    return float(value)


def _text(value: Any) -> str:
    if type(value) is not str:
        raise UnfitValue("a text is wanted; send it in quotes")
    return value


def _time(value: Any) -> np.datetime64:
    if type(value) is not str:
        raise UnfitValue('a time is wanted, as text in ISO 8601: "2026-01-31T13:00:00+00:00"')
    try:
        moment = datetime.fromisoformat(value)
        # A time without an offset is UTC, as it was in training.
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise UnfitValue('a time in ISO 8601 is wanted: "2026-01-31T13:00:00+00:00"') from None
    if not EARLIEST <= moment < LATEST:
        raise UnfitValue("a time between the years 1678 and 2261 is wanted")
    return np.datetime64(moment.replace(tzinfo=None), "ns")


def _is_numeric(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _numbers(values: list[Any]) -> npt.NDArray[Any]:
    return np.array([math.nan if value is None else value for value in values], dtype=np.float64)


def _texts(values: list[Any]) -> npt.NDArray[Any]:
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def _times(values: list[Any]) -> npt.NDArray[Any]:
    return np.array(["NaT" if value is None else value for value in values], dtype="datetime64[ns]")


NUMBER = Kind("a number", _number, _numbers, {"type": "number"}, 1.0, typed.numbers, frozenset({float}), float)
INTEGER = Kind("a whole number", _integer, _numbers, {"type": "integer"}, 1, typed.integers, wire=float)
BOOLEAN = Kind("true or false", _boolean, _numbers, {"type": "boolean"}, True, typed.booleans, frozenset({bool}), bool)
TEXT = Kind("a text", _text, _texts, {"type": "string"}, "text", typed.texts, frozenset({str}))
TIME = Kind(
    "a time in ISO 8601",
    _time,
    _times,
    {"type": "string", "format": "date-time"},
    "2026-01-31T13:00:00+00:00",
    typed.times,
    tidy=lambda text: datetime.fromisoformat(text).isoformat(),
)

KINDS: dict[str, Kind] = {
    "double": NUMBER,
    "float": NUMBER,
    "long": INTEGER,
    "integer": INTEGER,
    "boolean": BOOLEAN,
    "string": TEXT,
    "datetime": TIME,
}
"""The kinds by the names of MLflow's signatures."""
