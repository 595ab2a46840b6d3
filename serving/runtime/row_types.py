"""The quick decoder of a signature: bytes to columns by types that msgspec compiles, made once for each version.

It takes only what is certainly right and says None to the rest, also to what it cannot judge; the codec then reads the
body the careful way, which alone words the errors.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from msgspec.structs import astuple

from millrace.inputs.kinds import NUMBER

if TYPE_CHECKING:
    import numpy.typing as npt

    from millrace.inputs.signature import InputField

Columns = dict[str, Any]
Row = tuple[Any, ...]
_FAILURES = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError, TypeError)
_QUOTATION_MARK = ord('"')


class RowTypes:
    """The decoders of one row and of a list of rows."""

    def __init__(self, fields: Sequence[InputField], *, ignore_unknown: bool = False) -> None:
        self._fields = fields
        self._names = [field.name for field in fields]
        self._texts = [i for i, field in enumerate(fields) if field.kind.wire is str]
        self._optional = [i for i, field in enumerate(fields) if not field.required]
        self._numbers_only = all(field.kind is NUMBER for field in fields)
        self._read = [(i, field.kind.read) for i, field in enumerate(fields) if not field.kind.plain]
        row = _row_type(fields, ignore_unknown)
        self._one = msgspec.json.Decoder(row) if row else None
        self._many = msgspec.json.Decoder(list[row]) if row else None  # type: ignore[valid-type]

    def row(self, body: bytes) -> Row | None:
        """The values of a body's one row, fit for `joined`; None where a closer look is needed."""
        if self._one is None:
            return None
        try:
            row: Row = astuple(self._one.decode(body))
            absent = row.count(msgspec.UNSET) if self._optional else 0
            texts = sum([type(row[place]) is str for place in self._texts]) if self._texts else 0
            if body.count(b'"') != _marks(len(row) - absent + texts):
                return None
            return self._finished(row) if absent or self._read else row
        except _FAILURES:
            return None

    def joined(self, rows: list[Row]) -> Columns:
        """The columns of rows that `row` gave."""
        if self._numbers_only:  # null becomes NaN
            return dict(zip(self._names, np.array(rows, dtype=np.float64).T.copy(), strict=True))
        by_field = zip(*rows, strict=True)
        return {field.name: field.kind.column(list(v)) for field, v in zip(self._fields, by_field, strict=True)}

    def columns(self, body: bytes, *, many: bool) -> Columns | None:
        """The columns of the body's rows; None where a closer look is needed."""
        if not many:
            row = self.row(body)
            return None if row is None else self.joined([row])
        try:
            found: Any = self._many.decode(body) if self._many else None
            if not found:
                return None
            return self._numbers(body, found) if self._numbers_only else self._mixed(body, found)
        except _FAILURES:
            return None

    def _finished(self, row: Row) -> Row:
        values = [None if value is msgspec.UNSET else value for value in row]
        for place, read in self._read:
            if values[place] is not None:
                values[place] = read(values[place])
        return tuple(values)

    def _numbers(self, body: bytes, found: list[Any]) -> Columns | None:
        """Rows of nothing but numbers, none of which is missing; any others go the way of all."""
        rows, fields = len(found), len(self._names)
        try:
            numbers = struct.pack(f"{rows * fields}d", *chain.from_iterable(map(astuple, found)))
        except struct.error:
            return self._mixed(body, found)
        if _marks_in(body) != _marks(rows * fields):
            return None
        table = np.frombuffer(numbers).reshape(rows, fields).T.copy()
        return dict(zip(self._names, table, strict=True))

    def _mixed(self, body: bytes, found: list[Any]) -> Columns | None:
        by_field = list(zip(*map(astuple, found), strict=True))
        return self._built(by_field) if _marks_in(body) == _marks(self._strings(by_field)) else None

    def _strings(self, by_field: list[tuple[Any, ...]]) -> int:
        """How many keys and texts the rows have."""
        strings = len(by_field) * len(by_field[0])
        for place in self._optional:
            strings -= by_field[place].count(msgspec.UNSET)
        for place in self._texts:
            strings += sum([type(value) is str for value in by_field[place]])
        return strings

    def _built(self, by_field: list[tuple[Any, ...]]) -> Columns:
        if self._numbers_only:
            try:  # null becomes NaN; a field that was left out ends this attempt
                return dict(zip(self._names, np.array(by_field, dtype=np.float64), strict=True))
            except TypeError:
                pass
        return {field.name: _column(field, values) for field, values in zip(self._fields, by_field, strict=True)}


def _marks_in(body: bytes) -> int:
    """The quotation marks of a body that may be large: some times as quick as `count`, which is made for rare finds."""
    return int(np.count_nonzero(np.frombuffer(body, np.uint8) == _QUOTATION_MARK))


def _marks(strings: int) -> int:
    """How many quotation marks a body has if no key stands twice: two for each key and each text.

    msgspec lets the last of two equal keys win without a word. Such a key, and a mark inside of a text, leave marks
    over: then the careful way decides.
    """
    return 2 * strings


def _column(field: InputField, values: tuple[Any, ...]) -> npt.NDArray[Any]:
    kind = field.kind
    given: list[Any] = list(values) if field.required else [None if v is msgspec.UNSET else v for v in values]
    if kind.plain:  # whatever msgspec took as this type fits
        return kind.column(given)
    return kind.column([None if value is None else kind.read(value) for value in given])


def _row_type(fields: Sequence[InputField], ignore_unknown: bool) -> type[msgspec.Struct] | None:
    """A type with a member for each field; None where msgspec cannot spell a field's name."""
    members: list[Any] = []
    for index, field in enumerate(fields):
        wire: Any = field.kind.wire
        if field.required:
            members.append((f"f{index}", wire, msgspec.field(name=field.name)))
        else:
            members.append(
                (f"f{index}", wire | None | msgspec.UnsetType, msgspec.field(name=field.name, default=msgspec.UNSET))
            )
    try:
        return msgspec.defstruct("Row", members, forbid_unknown_fields=not ignore_unknown, gc=False, kw_only=True)
    except ValueError:  # a quotation mark or a control character in a name
        return None
