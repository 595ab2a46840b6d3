"""The rows of a forecast: each held-out step of each series, forecast from each origin that could see it.

Every stage that calls this gets the same panel and the same origins, since they follow from dataset and spec alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from millrace.errors import TrainingError
from millrace.forecasting.grid import panel_of
from millrace.forecasting.model import ForecastModel
from millrace.forecasting.panel import Array, Panel
from millrace.forecasting.plan import ForecastPlan
from millrace.forecasting.walk import last_origin, past_origins
from millrace.spec.models import PipelineSpec
from millrace.stages.base import RunContext
from millrace.stages.material.forecast_cells import cells_of
from millrace.stages.material.held_out import Material
from millrace.stages.material.row_limit import limited_frame
from millrace.stages.material.training_table import TrainingTable
from millrace.stages.metrics.scoring import Answer, metrics
from millrace.stages.outputs import Transformed

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class ForecastMaterial(Material):
    """The panel with its origins; `table` has a row for each known held-out step: series, timestamp, origin, horizon.

    The target's columns are the true value and the scale of its series.
    """

    panel: Panel | None = None
    choosing: Array | None = None
    held: Array | None = None

    @property
    def plan(self) -> ForecastPlan:
        """The spec's section."""
        return plan_of(self.spec)

    @property
    def known(self) -> Panel:
        """The panel."""
        if self.panel is None:
            raise TrainingError("The forecast has no panel.")
        return self.panel

    def _score(self, model: ForecastModel) -> tuple[dict[str, float], Answer]:
        return self.score_at(model, held=True)

    def score_at(self, model: ForecastModel, *, held: bool) -> tuple[dict[str, float], Answer]:
        """A model's metrics and answers at the held-out steps, or at those that choose."""
        origins = self.held if held else self.choosing
        until = None if held else self.held_from
        cells, truth = cells_of(self.known, self.plan, np.asarray(origins), until, self.held_from)
        if others := model.differences(self.plan):
            raise TrainingError(f"It was made for another forecast: {'; '.join(others)}.", hint="Train again.")
        if model.series != self.known.series:
            names = sorted(set(self.known.series) ^ set(model.series or []))
            raise TrainingError(f"The series are not the same: {', '.join(names[:5])}.", hint="Train again.")
        made = model.forecast(self.known, np.asarray(origins))
        given = np.column_stack([part[cells] for part in (made.values, made.lower, made.upper)])
        if not np.isfinite(given[:, 0]).all():
            missing = np.flatnonzero(~np.isfinite(given[:, 0]))
            name = self.known.series[cells[1][missing[0]]]
            raise TrainingError(
                f"It has no forecast for {len(missing):,} of {len(truth):,} known steps, the first of series '{name}'.",
                hint="The series is too short for the backtest: shorten forecast.backtest, or filter it out.",
            )
        return metrics("forecast", truth, Answer(given)), Answer(given)

    @property
    def held_from(self) -> int:
        """The first held-out step."""
        return last_origin(self.known, self.plan) - self.plan.held_out

    def rows(self) -> dict[str, int]:
        """How many known values models learn from before the held-out steps, and how many are forecast there."""
        train = int(np.isfinite(self.known.values[:, : self.held_from]).sum())
        return {"train": train, "test": len(self.table), "dropped": 0}


def plan_of(spec: PipelineSpec) -> ForecastPlan:
    """The section `forecast` of a spec that has one."""
    if spec.forecast is None:
        raise TrainingError("The spec has no section 'forecast'.")
    return spec.forecast


def panel_of_run(context: RunContext, transformed: Transformed) -> Panel:
    """The panel of the transformed table. Raises TrainingError."""
    spec = context.spec
    frame = limited_frame(context.artifacts.open_dataset(transformed.dataset.uri), spec, context.warn)
    return panel_of(frame, plan_of(spec), time=str(spec.time_column), target=spec.targets[0], warn=context.warn)


def forecast_material(context: RunContext, transformed: Transformed) -> ForecastMaterial:
    """The panel with the origins that choose and those that are held out. Raises TrainingError."""
    panel, plan = panel_of_run(context, transformed), plan_of(context.spec)
    choosing, held = past_origins(panel, plan)
    cells, truth = cells_of(panel, plan, held, None, last_origin(panel, plan) - plan.held_out)
    if not len(truth):
        raise TrainingError("No value is known in the held-out steps.", hint="Raise forecast.backtest.held_out.")
    rows = np.arange(len(truth))
    table = TrainingTable(_described(panel, held, cells), truth, None, None, dropped=0)
    return ForecastMaterial(context.spec, table, rows[:0], rows, panel=panel, choosing=choosing, held=held)


def _described(panel: Panel, origins: Array, cells: Any) -> pd.DataFrame:
    import pandas as pd

    row, series, ahead = cells
    return pd.DataFrame(
        {
            "series": np.asarray(panel.series, dtype=object)[series],
            "timestamp": panel.times[origins[row] + ahead],
            "origin": panel.times[origins[row]],
            "horizon": ahead + 1,
        }
    )
