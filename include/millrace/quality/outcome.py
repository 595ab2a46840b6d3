"""What goes into a validation (`Table`) and what comes out of it (`Outcome`), between this room's own modules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from millrace.quality.base import Expectation, ExpectationResult
from millrace.quality.values import plain

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

EXAMPLES = 5
"""How many failing values a result names."""


class Frames(Protocol):
    """Reads a table, or some of its columns, in order, in frames of at most `rows` rows."""

    def __call__(self, rows: int, columns: list[str] | None = None) -> Iterator[pd.DataFrame]:
        """The frames."""


@dataclass(frozen=True)
class Table:
    """A table that may be larger than memory: how many rows, which columns (name to Arrow type), how to read it."""

    rows: int
    columns: dict[str, str]
    frames: Frames

    def series(self, columns: list[str], chunk_rows: int) -> pd.DataFrame:
        """All rows of a few columns at once, numbered from 0."""
        import pandas as pd

        parts = list(self.frames(chunk_rows, columns))
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


@dataclass
class Outcome:
    """One expectation's result, the positions (from 0) of its failing rows, and what the Data Docs show of it."""

    expectation: Expectation
    result: ExpectationResult
    positions: npt.NDArray[np.int64]
    raw: dict[str, Any] = field(default_factory=dict)


def outcome(  # noqa: PLR0913 - the fields of a result
    expectation: Expectation,
    *,
    success: bool,
    message: str,
    rows: int = 0,
    positions: npt.NDArray[np.int64] | None = None,
    unexpected: int | None = None,
    considered: int | None = None,
    examples: list[tuple[int, Any]] | None = None,
    raw: dict[str, Any] | None = None,
) -> Outcome:
    """Puts an Outcome together; `examples` are (position, value), `considered` the values that were judged."""
    import numpy as np

    share = None if unexpected is None else (unexpected / considered if considered else 0.0)
    raw = plain(raw or {})
    result = ExpectationResult(
        expect=expectation.expect,
        column=expectation.arguments.get("column"),
        arguments=plain(expectation.arguments),
        on_failure=expectation.on_failure,
        success=success,
        rows=rows,
        unexpected_count=unexpected,
        unexpected_share=share,
        observed_value=raw.get("observed_value"),
        examples=[{"row": position + 1, "value": plain(value)} for position, value in examples or []],
        message=message,
    )
    return Outcome(expectation, result, np.empty(0, dtype=np.int64) if positions is None else positions, raw)


def counted_raw(elements: int, missing: int, unexpected: int, examples: list[tuple[int, Any]]) -> dict[str, Any]:
    """The counts of an expectation that judges rows, in the words of Great Expectations, for the Data Docs."""
    known = elements - missing
    return {
        "element_count": elements,
        "missing_count": missing,
        "missing_percent": _percent(missing, elements),
        "unexpected_count": unexpected,
        "unexpected_percent": _percent(unexpected, known),
        "unexpected_percent_total": _percent(unexpected, elements),
        "unexpected_percent_nonmissing": _percent(unexpected, known),
        "partial_unexpected_list": [value for _, value in examples],
        "partial_unexpected_index_list": [position for position, _ in examples],
    }


def _percent(part: int, whole: int) -> float:
    return 100 * part / whole if whole else 0.0
