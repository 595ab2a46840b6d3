"""Which forecasts can be judged: the steps whose true value is known, of series that had begun when it was forecast."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from millrace.forecasting.panel import Array, Panel
from millrace.forecasting.plan import ForecastPlan

Cells: TypeAlias = "tuple[Any, Array]"
"""Where the truth is known (origin, series, step ahead), and there the true value and its series' scale."""


def cells_of(panel: Panel, plan: ForecastPlan, origins: Array, until: int | None, held_from: int) -> Cells:
    """The known steps ahead of these origins before `until`; scales are those of the steps before `held_from`.

    A series that begins after an origin cannot be forecast from there by anybody.
    """
    truth = panel.truth(origins, plan.horizon, until)
    truth[~panel.begun(origins)] = np.nan
    cells = np.nonzero(np.isfinite(truth))
    scales = panel.scales(held_from)
    return cells, np.column_stack([truth[cells], scales[cells[1]]])
