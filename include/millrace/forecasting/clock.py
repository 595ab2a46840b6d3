"""From wall-clock times back to instants: an hour that the clocks skip has none, one that they repeat has two."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    import pandas as pd


def instants(times: pd.DatetimeIndex, zone: str) -> tuple[list[datetime], list[int]]:
    """The instants of these wall-clock times in UTC, and the place of each in `times`.

    A single skipped time, which an origin may be, is the instant at which the clocks have changed.
    """
    clock = ZoneInfo(zone)
    moments: list[datetime] = []
    places: list[int] = []
    for place, time in enumerate(times):
        wall = time.to_pydatetime()
        found = [wall.replace(tzinfo=clock, fold=fold).astimezone(UTC) for fold in (0, 1)]
        for moment in dict.fromkeys(found):
            if moment.astimezone(clock).replace(tzinfo=None, fold=0) == wall or len(times) == 1:
                moments.append(moment)
                places.append(place)
    return moments, places
