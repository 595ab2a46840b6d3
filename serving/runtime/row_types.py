"""The quick decoder of a signature: bytes to columns by types that msgspec compiles, made once for each version.

It takes only what is certainly right and says None to the rest, also to what it cannot judge; the codec then reads the
body the careful way, which alone words the errors.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from msgspec.structs import astuple

from serving.runtime.kinds import NUMBER

if TYPE_CHECKING:
    import numpy.typing as npt

    from serving.runtime.signature import InputField

Columns = dict[str, Any]
_FAILURES = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError, TypeError)


class RowTypes:
    """The decoders of one row and of a list of rows."""

    def __init__(self, fields: Sequence[InputField], *, ignore_unknown: bool = False) -> None:
        self._fields = fields
        self._names = [field.name for field in fields]
        self._texts = [i for i, field in enumerate(fields) if field.kind.wire is str]
        self._optional = [i for i, field in enumerate(fields) if not field.required]
        self._numbers_only = all(field.kind is NUMBER for field in fields)
        row = _row_type(fields, ignore_unknown)
        self._one = msgspec.json.Decoder(row) if row else None
        self._many = msgspec.json.Decoder(list[row]) if row else None  # type: ignore[valid-type]

    def columns(self, body: bytes, *, many: bool) -> Columns | None:
        """The columns of the body's rows; None where a closer look is needed."""
        decoder = self._many if many else self._one
        if decoder is None:
            return None
        try:
            found: Any = decoder.decode(body)
            if many and not found:
                return None
            by_field = list(zip(*map(astuple, found), strict=True)) if many else [(v,) for v in astuple(found)]
            if body.count(b'"') != self._marks(by_field):
                return None
            return self._built(by_field)
        except _FAILURES:
            return None

    def _marks(self, by_field: list[tuple[Any, ...]]) -> int:
        """How many quotation marks the body has if no key stands twice: two for each key and each text.

        msgspec lets the last of two equal keys win without a word. Such a key, and a mark inside of a text, leave marks
        over: then the careful way decides.
        """
        strings = len(by_field) * len(by_field[0])
        for place in self._optional:
            strings -= by_field[place].count(msgspec.UNSET)
        for place in self._texts:
            strings += sum([type(value) is str for value in by_field[place]])
        return 2 * strings

    def _built(self, by_field: list[tuple[Any, ...]]) -> Columns:
        if self._numbers_only:
            try:  # null becomes NaN; a field that was left out ends this attempt
                return dict(zip(self._names, np.array(by_field, dtype=np.float64), strict=True))
            except TypeError:
                pass
        return {field.name: _column(field, values) for field, values in zip(self._fields, by_field, strict=True)}


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
