"""What a table format promises: a file to parts of columns, and tables of answers to a file. Knows nothing of HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    from millrace.inputs.signature import Signature
    from serving.runtime.codec import GivenColumn

Table: TypeAlias = "tuple[dict[str, GivenColumn], int]"
"""Columns as `Codec.decode_columns` takes them, and the number of rows."""


class Writer(Protocol):
    """Writes tables of one schema, one after the other; what pyarrow's writers have in common."""

    def write(self, table: Any) -> None:
        """Add a table."""

    def close(self) -> None:
        """Complete the file."""


@dataclass(frozen=True)
class TableFormat:
    """One format of tables, by its media type."""

    media_type: str
    aliases: tuple[str, ...]
    read: Callable[[IO[bytes], Signature, int], Iterator[Table]]
    """The parts of a file, each of at most so many rows. Raises MalformedBodyError or RequestError."""
    writer: Callable[[Any, Any], Writer]
    """A writer into a file-like object, for tables of a schema."""
    schema: dict[str, Any]
    """How OpenAPI describes it."""
