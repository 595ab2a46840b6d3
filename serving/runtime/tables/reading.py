"""What the binary formats share: a file that cannot be read, or that has no rows, is the sender's to mend."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from serving.failures import MalformedBodyError
from serving.runtime.tables.base import Table


def guarded(what: str, parts: Iterator[Table]) -> Iterator[Table]:
    """The parts that have rows. Raises MalformedBodyError for what pyarrow cannot read."""
    import pyarrow as pa

    # Over a damaged file: pyarrow's own errors, but also a name that is not UTF-8, a time zone that nobody knows.
    failures = (OSError, ArithmeticError, LookupError, ValueError, struct.error, pa.ArrowException)
    found = False
    try:
        for columns, rows in parts:
            if rows:
                found = True
                yield columns, rows
    except failures as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk's, not the sender's
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise MalformedBodyError(f"The body is no {what} file that can be read: {reason:.200}.") from None
    if not found:
        raise MalformedBodyError(f"The {what} file has no rows.", hint="Send at least one.")
