"""What the operators of an expression do to columns: arithmetic that never wraps round, comparisons that null ends.

pandas passes over in silence what would be a wrong answer: whole numbers beyond 64 bits start again from below, a
nullable whole number divided by zero is 0, null differs from everything, and text never equals a number.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

_LARGEST = 9.2e18
"""A little below 2^63, since what it is compared with is rounded."""
_EXACT = 2.0**53

ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda values, allowed: values.isin(allowed),
    ast.NotIn: lambda values, allowed: ~values.isin(allowed),
}


def calculated(kind: type[ast.operator], left: Any, right: Any) -> Any:
    """`left` and `right`, columns or constants, under an operator. Raises TypeError or ValueError."""
    if isinstance(left, int | float) and isinstance(right, int | float):
        return _of_constants(kind, left, right)
    if kind is not ast.Add and (isinstance(left, str) or isinstance(right, str)):
        raise TypeError("text cannot be calculated with")
    left, right = counted(left), counted(right)
    if _is_whole(left) and _is_whole(right):
        return _of_whole_numbers(kind, left, right)
    return _in_seconds(ARITHMETIC[kind](_as_doubles(left), _as_doubles(right)))


def _in_seconds(value: Any) -> Any:
    """The difference of two times as a number; anything else as it is."""
    return value.dt.total_seconds() if getattr(getattr(value, "dtype", None), "kind", "") == "m" else value


def _of_constants(kind: type[ast.operator], left: float, right: float) -> float:
    value = ARITHMETIC[kind](float(left), float(right))  # a power of whole numbers could fill the memory
    if isinstance(value, complex):
        raise ValueError(f"{left:g} ** {right:g} is no real number")
    whole = isinstance(left, int) and isinstance(right, int) and kind is not ast.Div
    return int(value) if whole and value.is_integer() and abs(value) < _EXACT else float(value)


def counted(side: Any) -> Any:
    """A column of truth values as 0 and 1, so that their sum counts; anything else as it is."""
    if getattr(getattr(side, "dtype", None), "kind", "") != "b":
        return side
    return side.astype("Int64" if side.isna().any() else "int64")


def _is_whole(side: Any) -> bool:
    return isinstance(side, int) or getattr(getattr(side, "dtype", None), "kind", "") in {"i", "u"}


def _as_doubles(side: Any) -> Any:
    """A column of whole numbers as doubles, its nulls NaN; anything else as it is."""
    return side.astype("float64") if _is_whole(side) and hasattr(side, "astype") else side


def _of_whole_numbers(kind: type[ast.operator], left: Any, right: Any) -> Any:
    """In whole numbers where they hold the result, else in doubles.

    Of the rows that they do hold, a column of doubles has the nearest double: no row sees what stands in another.
    """
    import numpy as np

    with np.errstate(all="ignore"):
        rough = ARITHMETIC[kind](_as_doubles(left), _as_doubles(right))
    if kind is ast.Div:
        return rough
    if kind is ast.Pow:
        return _whole_again(rough)
    if kind in {ast.FloorDiv, ast.Mod}:
        beyond = ~rough.abs().lt(np.inf)  # divided by zero, or null
        right = _never_zero(right)
    else:
        beyond = rough.abs() >= _LARGEST
    exact = ARITHMETIC[kind](left, right)
    lost = bool((beyond & exact.notna()).any())
    return exact.astype("float64").mask(beyond, rough) if lost else exact


def _never_zero(divisor: Any) -> Any:
    return (divisor or 1) if isinstance(divisor, int) else divisor.mask(compared(ast.Eq, divisor, 0), 1)


def _whole_again(rough: pd.Series[Any]) -> pd.Series[Any]:
    """Powers of whole numbers as whole numbers, where each of them is one that a double holds exactly."""
    exact = bool((rough.abs() <= _EXACT).all()) and bool((rough % 1 == 0).all())
    return rough.astype("int64") if exact else rough


def compared(kind: type[ast.cmpop], left: Any, right: Any) -> Any:
    """Whether a comparison holds, for each row; with a null on either side it does not. Raises TypeError."""
    import pandas as pd

    _refuse_mixed(left, right)
    if isinstance(right, list) and _kind(left) == "time":
        right = list(pd.to_datetime(right, utc=left.dt.tz is not None))  # isin() finds no text among times
    holds = COMPARISONS[kind](left, right)
    for side in (left, right):
        if isinstance(side, pd.Series) and isinstance(holds, pd.Series):
            holds = holds.fillna(False).astype(bool) & side.notna()
    return holds


def truth(value: Any) -> Any:
    """A truth value or a column of them; null is false. TypeError for anything else."""
    import pandas as pd
    from pandas.api.types import infer_dtype, is_bool_dtype

    if isinstance(value, bool):
        return pd.Series([value]).iloc[0]  # numpy's bool, for which ~ means not
    if isinstance(value, pd.Series) and (is_bool_dtype(value.dtype) or infer_dtype(value) == "boolean"):
        return value.astype("boolean").fillna(False).astype(bool)
    if getattr(value, "dtype", None) is not None and is_bool_dtype(value.dtype):
        return value
    raise TypeError("'and', 'or' and 'not' need comparisons on each side")


_HOLDS = {"text": "text", "number": "numbers", "boolean": "true or false", "time": "times"}


def _kind(side: Any) -> str | None:
    """What a column or a constant holds; None where it holds nothing, or several kinds."""
    import pandas as pd
    from pandas.api.types import infer_dtype

    if not isinstance(side, pd.Series):
        return {bool: "boolean", str: "text", int: "number", float: "number"}.get(type(side))
    if side.dtype.kind == "M":
        return "time"
    if side.dtype.kind in "iufb":
        return ("boolean" if side.dtype.kind == "b" else "number") if side.notna().any() else None
    return {"string": "text", "boolean": "boolean"}.get(infer_dtype(side))


_TOGETHER = ({"time", "text"}, {"number", "boolean"})
"""Kinds that compare: a time with ISO 8601 text, and truth values with 0 and 1."""


def _refuse_mixed(left: Any, right: Any) -> None:
    """Text against a number is never equal and never an error in pandas: a silent wrong answer, so refused here."""
    for value in right if isinstance(right, list) else [right]:
        kinds = {_kind(left), _kind(value)} - {None}
        if len(kinds) > 1 and kinds not in _TOGETHER:
            one, other = (left, value) if hasattr(left, "name") else (value, left)
            raise TypeError(f"{_named(one)} and is compared with {_named(other, compared=True)}; cast it first")
        if "time" in kinds and isinstance(value, str):
            _refuse_no_time(value)


def _named(side: Any, *, compared: bool = False) -> str:
    if not hasattr(side, "name"):
        return repr(side)
    holds = _HOLDS[str(_kind(side))]
    return f"'{side.name}', which holds {holds}" if compared else f"'{side.name}' holds {holds}"


def _refuse_no_time(text: str) -> None:
    import pandas as pd

    if pd.isna(pd.to_datetime(text, utc=True, errors="coerce")):
        raise TypeError(f"{text!r} is no time; write it as 2024-03-01 or 2024-03-01T06:00:00")
