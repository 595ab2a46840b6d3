"""Whether one version takes all that another takes, and the columns of one made ready for the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from millrace.inputs.kinds import INTEGER, NUMBER, Kind
from millrace.inputs.signature import InputField, Signature

if TYPE_CHECKING:
    import numpy.typing as npt

Columns = dict[str, Any]


def unlike(one: Signature, other: Signature) -> str | None:
    """Why rows that fit `one` would not fit `other`, in words that follow the other's name; None where they fit."""
    theirs = {field.name: field for field in other.fields}
    for field in one.fields:
        reason = _unfit(field, theirs.pop(field.name, None))
        if reason is not None:
            return reason
    needed = next((field for field in theirs.values() if field.required), None)
    return None if needed is None else f"needs the field '{needed.name}', which the champion does not take"


def _unfit(field: InputField, theirs: InputField | None) -> str | None:
    if theirs is None:
        return f"does not take the field '{field.name}', which the champion takes"
    if theirs.kind is not field.kind and not _takes_all(theirs.kind, field.kind):
        return f"takes {theirs.kind.wanted} as '{field.name}', where the champion takes {field.kind.wanted}"
    if theirs.required and not field.required:
        return f"needs the field '{field.name}', which may be left out for the champion"
    return None


def _takes_all(kind: Kind, narrower: Kind) -> bool:
    """Whether every value of one kind is one of the other: a whole number is a number."""
    return kind is NUMBER and narrower is INTEGER


def columns_for(signature: Signature, columns: Columns) -> Columns | None:
    """The columns in the order of another signature, without what it does not know; None where a needed value lacks."""
    rows = len(next(iter(columns.values())))
    found: Columns = {}
    for field in signature.fields:
        column = columns.get(field.name)
        if column is None:
            column = field.kind.column([None] * rows)
        if field.required and _lacks(column):
            return None
        found[field.name] = column
    return found


def _lacks(column: npt.NDArray[Any]) -> bool:
    if column.dtype.kind == "O":
        return bool(None in column.tolist())
    missing = np.isnat(column) if column.dtype.kind == "M" else np.isnan(column)
    return bool(missing.any())
