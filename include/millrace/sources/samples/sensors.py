"""Synthetic: telemetry of machines, ten columns of every kind, for trials with many rows."""

from __future__ import annotations

import numpy as np
import pandas as pd

from millrace.sources.samples.signals import choose, take, times, utc

_MACHINES = [f"M{number:03d}" for number in range(40)]
_STATES = ["running", "idle", "starting", "maintenance"]


def block(rng: np.random.Generator, first: int, rows: int) -> pd.DataFrame:
    """The rows from `first` on, one a minute; wear grows with load, temperature and vibration."""
    machine = np.arange(first, first + rows) % len(_MACHINES)
    state = choose(rng, _STATES, [0.8, 0.12, 0.05, 0.03], rows)
    load = np.where(state == 0, rng.random(rows), 0.05)
    noise = rng.standard_normal((5, rows))
    temperature = 45 + 30 * load + 2 * noise[0]
    vibration = 1.5 + 2.2 * load**2 + 0.02 * machine + 0.2 * noise[1]
    return pd.DataFrame(
        {
            "observed_at": utc(times("2024-01-01", first, rows, 1)),
            "machine": take(_MACHINES, machine),
            "state": take(_STATES, state),
            "load": np.round(load, 4),
            "temperature": np.round(temperature, 2),
            "vibration": np.round(vibration, 3),
            "pressure": np.round(6 + 1.5 * load + 0.1 * noise[2], 3),
            "current": np.round(4 + 22 * load + 0.5 * noise[3], 2),
            "cycles": first + np.arange(rows, dtype=np.int64),
            "wear": np.round(0.4 * load + 0.02 * temperature + 0.3 * vibration + 0.1 * noise[4], 3),
        }
    )
