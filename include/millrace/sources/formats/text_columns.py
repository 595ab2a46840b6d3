"""Says why a column that looks like numbers was read as text: one odd value, or another decimal mark."""

from __future__ import annotations

import re

import pandas as pd

from millrace.sources.base import Reading
from millrace.sources.spool import Spool

_ALMOST = 0.9
_SAMPLE = 50_000
_COMMA_NUMBER = re.compile(r"-?\d+,\d+")


def note_almost_numbers(spool: Spool, reading: Reading, declared: set[str]) -> None:
    """Leave a note for each undeclared text column of the first chunk that is nearly all numbers."""
    first = next(spool.tables()).slice(0, _SAMPLE)
    for name in first.column_names:
        if str(first.schema.field(name).type) == "string" and name not in declared:
            _note(name, first[name].to_pandas(), reading)


def _note(name: str, values: pd.Series[str], reading: Reading) -> None:
    present = values.dropna()
    if present.empty:
        return
    numbers = pd.to_numeric(present, errors="coerce").notna()
    if _ALMOST <= numbers.mean() < 1:
        row = numbers.idxmin()
        reading.note(
            f"Column '{name}' is text because of {present[row]!r} in row {int(str(row)) + 1}; "
            f"set read: {{na_values: [{present[row]!r}]}} if it means missing."
        )
    elif not numbers.any() and present.map(lambda text: bool(_COMMA_NUMBER.fullmatch(text))).mean() >= _ALMOST:
        reading.note(
            f"Column '{name}' is text like {present.iloc[0]!r}; set read: {{decimal: ','}} if these are numbers."
        )
