"""How much parts of the reference differ from the whole of it: what time alone does to a table.

Rows that follow one another are alike, and a week in March is not a year. Where the reference is in the order of time,
it is cut into stretches as long as the sample; what the farthest stretch reaches is no drift.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from millrace.drift.base import Check
from millrace.drift.columns import ReferenceColumn

if TYPE_CHECKING:
    import pandas as pd

STRETCHES, LEAST_STRETCHES = 120, 4
LEAST_ROWS = 20


def stretches(times: pd.Series, span: pd.Timedelta) -> list[slice]:
    """The reference's rows, which are in the order of `times`, cut into stretches of this span.

    Empty when the reference is too short to tell what time does.
    """
    import pandas as pd

    if times.empty or span <= pd.Timedelta(0):
        return []
    number = ((times - times.iloc[0]) // span).to_numpy()
    starts = np.flatnonzero(np.diff(number, prepend=-1))
    bounds = np.append(starts, len(times))
    found = [slice(a, b) for a, b in pairwise(bounds) if b - a >= LEAST_ROWS]
    if len(found) < LEAST_STRETCHES:
        return []
    chosen = np.unique(np.linspace(0, len(found) - 1, min(len(found), STRETCHES)).round().astype(int))
    return [found[place] for place in chosen]


def natural_figures(column: ReferenceColumn, parts: list[slice]) -> dict[Check, float]:
    """The largest figure of any stretch against the rest of the reference."""
    largest: dict[Check, float] = {}
    for part in parts:
        for check, value in column.figures_of_part(part).items():
            largest[check] = max(value, largest.get(check, 0.0))
    return largest
