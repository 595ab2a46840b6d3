"""Says why a column that looks like numbers was read as text: one odd value, or another decimal mark."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pandas as pd

from millrace.sources.base import Reading
from millrace.sources.formats.units import unit_of
from millrace.tables.spool import Spool

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_ALMOST = 0.9
_SAMPLE = 10_000
_COMMA_NUMBER = re.compile(r"-?\d+,\d+")


def note_almost_numbers(spool: Spool, reading: Reading, declared: frozenset[str]) -> None:
    """Leave a note for each undeclared text column that is nearly all numbers, judged by its first rows."""
    first = next(spool.tables()).slice(0, _SAMPLE)
    for name, values in zip(first.column_names, first.columns, strict=True):
        if str(values.type) != "string" or name in declared:
            continue
        sample = values.to_pandas().dropna()
        if len(sample) and _are_numbers(sample).mean() >= _ALMOST:
            _note_first_odd(name, spool, reading)
        elif len(sample) and sample.map(lambda text: bool(_COMMA_NUMBER.fullmatch(text))).mean() >= _ALMOST:
            reading.note(
                f"Column '{name}' is text like {sample.iloc[0]!r}; set read: {{decimal: ','}} if these are numbers."
            )
        elif len(sample) and (unit := unit_of(sample)) is not None:
            reading.note(
                f"Column '{name}' is text like {sample.iloc[0]!r}; "
                f"set read: {{units: {{{name}: {unit!r}}}}} if these are numbers."
            )


def _are_numbers(values: pd.Series[str]) -> npt.NDArray[np.bool_]:
    return pd.to_numeric(values, errors="coerce").notna().to_numpy()


def _note_first_odd(name: str, spool: Spool, reading: Reading) -> None:
    row = 0
    for table in spool.tables():
        present = table[name].to_pandas().dropna()
        numbers = _are_numbers(present)
        if not numbers.all():
            position = int(numbers.argmin())
            odd, number = present.iloc[position], row + int(present.index[position]) + 1
            reading.note(
                f"Column '{name}' is text because of {odd!r} in row {number}; "
                f"set read: {{na_values: [{odd!r}]}} if it means missing."
            )
            return
        row += len(table)
