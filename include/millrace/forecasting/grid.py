"""Puts a table's rows on the grid of a plan: wall-clock times, doubled rows by their rule, gaps by theirs.

Whatever is mended is noted; what no rule covers is refused in one sentence.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from millrace.errors import TrainingError, did_you_mean
from millrace.forecasting.calendar import holiday_marks
from millrace.forecasting.panel import Array, Panel
from millrace.forecasting.plan import ForecastPlan

if TYPE_CHECKING:
    from collections.abc import Hashable

MOST_CELLS = 200_000_000
SEPARATOR = " / "
ONE_SERIES = "all"


def panel_of(frame: pd.DataFrame, plan: ForecastPlan, *, time: str, target: str, warn: Callable[[str], None]) -> Panel:
    """The panel of a table. Raises TrainingError."""
    _refuse_absent(frame, [*plan.series, time, target, *plan.regressors])
    rows = _numbered(frame, plan, time=time, target=target, warn=warn)
    rows = _single(rows, plan, warn)
    known = rows["target"].notna()
    if not known.any():
        raise TrainingError(f"The target '{target}' is empty in all {len(frame)} rows.", hint="Check the source.")
    first, last = rows.loc[known, "time"].min(), rows.loc[known, "time"].max()
    step = anchored(plan.frequency, first)
    end = len(pd.date_range(first, last, freq=step))
    times = pd.date_range(first, periods=end + plan.horizon + (plan.day_steps or 0), freq=step)
    names = sorted(rows["series"].unique())
    if len(names) * len(times) * (1 + len(plan.regressors)) > MOST_CELLS:
        raise TrainingError(
            f"{len(names):,} series of {len(times):,} steps are more than the {MOST_CELLS:,} values kept in memory.",
            hint="Use a coarser frequency, or filter the rows.",
        )
    values = _matrix(rows, "target", names, times)
    values[:, end:] = np.nan
    regressors = [_matrix(rows, f"known_{i}", names, times) for i in range(len(plan.regressors))]
    panel = Panel(
        series=names,
        times=times,
        values=_interpolated(values, plan.gaps.interpolate),
        regressors=np.stack([_continued(known) for known in regressors], axis=2) if regressors else _nothing(values),
        holidays=holiday_marks(times, plan.holidays),
        end=end,
        season=plan.season_steps,
        day_steps=plan.day_steps,
        origin_step=plan.origin_step,
    )
    _note_gaps(values, panel, plan, warn)
    return panel


def series_keys(name: str, keys: list[str]) -> dict[str, str]:
    """The key columns of a series by name; empty where the table is one series."""
    return dict(zip(keys, name.split(SEPARATOR) if len(keys) > 1 else [name], strict=True)) if keys else {}


def anchored(frequency: str, first: pd.Timestamp) -> str:
    """The frequency in pandas' words: weeks begin on the weekday of the first time."""
    return f"{frequency}-{first:%a}".upper() if frequency.endswith("W") else frequency


def _refuse_absent(frame: pd.DataFrame, names: list[str]) -> None:
    for name in names:
        if name not in frame.columns:
            raise TrainingError(
                f"The column '{name}' of the forecast is not in the transformed table.",
                hint=did_you_mean(name, map(str, frame.columns)),
            )


def _numbered(
    frame: pd.DataFrame, plan: ForecastPlan, *, time: str, target: str, warn: Callable[[str], None]
) -> pd.DataFrame:
    """The rows as `series`, `time` (wall clock, on the grid), `target` and `known_0`, `known_1` …"""
    times = _wall_clock(frame[time], plan.timezone)
    rows = pd.DataFrame({"series": _series_names(frame, plan.series), "time": times})
    rows["target"] = _number(frame[target])
    for place, name in enumerate(plan.regressors):
        rows[f"known_{place}"] = _number(frame[name])
    whole = rows.dropna(subset=["time"])
    if len(whole) < len(rows):
        warn(f"{len(rows) - len(whole)} rows have no '{time}' and are left out.")
    off = whole.loc[~_on_grid(whole["time"], plan), "time"]
    if len(off):
        raise TrainingError(
            f"{len(off):,} of {len(whole):,} times lie between the steps of frequency {plan.frequency}, "
            f"the first is {off.iloc[0]}.",
            hint="Aggregate the rows in 'transform', or choose another forecast.frequency.",
        )
    return whole


def _wall_clock(column: pd.Series[Any], zone: str) -> pd.Series[Any]:
    if not pd.api.types.is_datetime64_any_dtype(column):
        raise TrainingError(
            f"The column '{column.name}' holds no times, but values such as {column.iloc[0]!r}.",
            hint="Make times of it with source.timestamp.",
        )
    if column.dt.tz is None:
        return column.astype("datetime64[ns]")
    wall: pd.Series[Any] = column.dt.tz_convert(zone).dt.tz_localize(None).astype("datetime64[ns]")
    return wall


def _series_names(frame: pd.DataFrame, keys: list[str]) -> Any:
    if not keys:
        return ONE_SERIES
    missing = frame[keys].isna().any(axis=1)
    if missing.any():
        raise TrainingError(
            f"{int(missing.sum()):,} rows have no {' or '.join(keys)}, so they belong to no series.",
            hint="Remove them with a 'filter' step in 'transform'.",
        )
    texts = frame[keys].astype(str)
    if len(keys) == 1:
        return texts[keys[0]]
    for key in keys:  # 'a / b' of one key and 'c' of the other would be the series of 'a' and 'b / c'
        odd = texts[key][texts[key].str.contains(SEPARATOR, regex=False)]
        if len(odd):
            raise TrainingError(
                f"The column '{key}' holds {odd.iloc[0]!r}, but '{SEPARATOR}' stands between the keys of a series.",
                hint="Write it otherwise in 'transform', e.g. without the spaces.",
            )
    return texts.agg(SEPARATOR.join, axis=1)


def _number(column: pd.Series[Any]) -> pd.Series[float]:
    numbers = pd.to_numeric(column, errors="coerce").astype("float64")
    wrong = column[numbers.isna() & column.notna()]
    if pd.api.types.is_datetime64_any_dtype(column) or len(wrong):
        value = wrong.iloc[0] if len(wrong) else column.iloc[0]
        raise TrainingError(f"The column '{column.name}' must hold numbers, but holds {value!r}.", hint="Cast it.")
    if np.isinf(numbers).any():
        raise TrainingError(f"The column '{column.name}' has infinite values.", hint="Remove them in 'transform'.")
    return numbers


def _on_grid(times: pd.Series[Any], plan: ForecastPlan) -> Array:
    if plan.day_steps is not None:
        minutes = pd.Timedelta(days=1) / plan.day_steps
        since = times - times.dt.normalize()
        return np.asarray((since % minutes) == pd.Timedelta(0))
    grid = pd.date_range(times.min(), times.max(), freq=anchored(plan.frequency, times.min()))
    return times.isin(grid).to_numpy()


def _single(rows: pd.DataFrame, plan: ForecastPlan, warn: Callable[[str], None]) -> pd.DataFrame:
    doubled = rows.duplicated(["series", "time"])
    if not doubled.any():
        return rows
    row = rows[doubled].iloc[0]
    if plan.duplicates == "error":
        raise TrainingError(
            f"{int(doubled.sum()):,} rows repeat a series and time, the first is {row['time']} of '{row['series']}'.",
            hint="Say what becomes of them: forecast.duplicates: mean, first, last or sum.",
        )
    warn(f"{int(doubled.sum()):,} doubled times (the first: {row['time']}) were made one by '{plan.duplicates}'.")
    grouped = rows.groupby(["series", "time"], sort=False)
    options: dict[str, Any] = {"min_count": 1} if plan.duplicates == "sum" else {}
    single: pd.DataFrame = getattr(grouped, plan.duplicates)(**options).reset_index()
    return single


def _matrix(rows: pd.DataFrame, column: Hashable, names: list[str], times: pd.DatetimeIndex) -> Array:
    places = times.get_indexer(pd.DatetimeIndex(rows["time"]))
    inside = places >= 0
    matrix = np.full((len(names), len(times)), np.nan)
    series = np.searchsorted(np.asarray(names, dtype=object), rows["series"].to_numpy(dtype=object))
    matrix[series[inside], places[inside]] = rows[column].to_numpy()[inside]
    return matrix


def _interpolated(values: Array, longest: int) -> Array:
    """Inner gaps of at most `longest` steps filled by straight lines; a longer gap stays as it is, whole."""
    out = values.copy()
    for line in out:
        for start, stop in _inner_gaps(line):
            if stop - start <= longest:
                line[start:stop] = np.interp(np.arange(start, stop), [start - 1, stop], [line[start - 1], line[stop]])
    return out


def _inner_gaps(line: Array) -> list[tuple[int, int]]:
    known = np.flatnonzero(~np.isnan(line))
    return [(int(a) + 1, int(b)) for a, b in pairwise(known) if b > a + 1]


def _continued(known: Array) -> Array:
    """A regressor's inner gaps on straight lines; its past and future ends stay as they are."""
    return _interpolated(known, known.shape[1])


def _nothing(values: Array) -> Array:
    return np.empty((*values.shape, 0))


def _note_gaps(before: Array, panel: Panel, plan: ForecastPlan, warn: Callable[[str], None]) -> None:
    gaps = [(stop - start) for line in before[:, : panel.end] for start, stop in _inner_gaps(line)]
    left = [gap for gap in gaps if gap > plan.gaps.interpolate]
    if len(gaps) > len(left):
        warn(f"{sum(gaps) - sum(left):,} missing steps in {len(gaps) - len(left):,} gaps were interpolated.")
    if left:
        warn(
            f"{sum(left):,} missing steps in {len(left):,} gaps longer than gaps.interpolate ({plan.gaps.interpolate}) "
            "are left out of training and scores."
        )
    last = [int(np.flatnonzero(~np.isnan(line))[-1]) if (~np.isnan(line)).any() else -1 for line in panel.values]
    late = [name for name, step in zip(panel.series, last, strict=True) if step < panel.end - panel.season - 1]
    if late:
        warn(f"{len(late)} series end more than a season before the others, the first is '{late[0]}'.")
