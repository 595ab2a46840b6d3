"""Writes the sections of a forecast: the grid, how far ahead, what becomes of flaws, and how much past judges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from millrace.forecasting.plan import ForecastPlan
from millrace.profiling.regular import Regular
from millrace.profiling.yaml_text import comment, flow

if TYPE_CHECKING:
    from millrace.profiling.findings import Findings

HORIZONS = {"D": 14, "W": 13, "MS": 12, "QS": 8, "YS": 5}
"""Steps ahead, where the past is long enough for it; within days it is a day."""
SHORT = 5
"""The share of the past that judges: a fifth is held out, and a fifth chooses."""
SECONDS = 60


def forecast_lines(found: Findings, regular: Regular) -> list[str]:
    """The sections `forecast`, `candidates`, `search` and `promotion`."""
    return [
        "forecast:",
        *(f"  {key}: {flow(value)}{comment(why)}" for key, value, why in _plan(found, regular)),
        "candidates: auto    # the value of a season ago always takes part: what does not beat it is not promoted",
        f"search: {{seconds: {SECONDS}}}",
        f"promotion: {flow({'metric': _metric(found), 'min_improvement': 0})}"
        "    # add limit: the worst value that may serve",
    ]


def _plan(found: Findings, regular: Regular) -> list[tuple[str, Any, str]]:
    """Key, value and reason of each line."""
    horizon = horizon_of(regular)
    lines: list[tuple[str, Any, str]] = []
    if regular.keys:
        lines.append(("series", regular.keys[0] if len(regular.keys) == 1 else list(regular.keys), ""))
    lines.append(("frequency", regular.frequency, ""))
    lines.append(("horizon", horizon, "how many steps ahead"))
    if _is_within_days(regular):
        lines.append(("timezone", "UTC", "whose clock people's days follow: Europe/Berlin; holidays: DE goes with it"))
    if regular.doubled:
        lines.append(("duplicates", "mean", f"{regular.doubled:,} rows repeat a time"))
    if regular.missing:
        most = min(regular.longest_gap, 6 if _is_within_days(regular) else 2)
        lines.append(("gaps", {"interpolate": most}, f"{regular.missing:,} steps have no row"))
    column = next(column for column in found.columns if column.name == found.goal.targets[0])
    if column.minimum is not None and column.minimum >= 0:
        lines.append(("bounds", {"min": 0}, "no value was below"))
    backtest = backtest_of(regular, horizon)
    if backtest:
        lines.append(("backtest", backtest, "steps: the last ones report, those before them choose"))
    return lines


def _is_within_days(regular: Regular) -> bool:
    return regular.frequency not in HORIZONS


def horizon_of(regular: Regular) -> int:
    """As far ahead as is usual for the frequency, or a tenth of what there is."""
    usual = HORIZONS.get(regular.frequency) or _grid(regular, 1).day_steps or 1
    return max(1, min(usual, regular.steps // (2 * SHORT)))


def backtest_of(regular: Regular, horizon: int) -> dict[str, int]:
    """Nothing where the default leaves at least as much to learn from as it takes; else shares of what there is."""
    plan = _grid(regular, horizon)
    if plan.held_out + plan.choose <= regular.steps // 2:
        return {}
    every = plan.day_steps or max(1, horizon // 4)
    steps = max(every, regular.steps // SHORT // every * every)
    return {"held_out": steps, "choose": steps, "every": every}


def _grid(regular: Regular, horizon: int) -> ForecastPlan:
    return ForecastPlan(frequency=regular.frequency, horizon=horizon)


def _metric(found: Findings) -> str:
    """A percentage of the true value is the clearest, but there is none of a zero."""
    values = found.table.frame[found.goal.targets[0]].dropna()
    return "mape" if bool((values > 0).all()) else "mase"
