"""Synthetic: registrations of electric vehicles; the range follows the model, its year and its type."""

from __future__ import annotations

import numpy as np
import pandas as pd

from millrace.sources.samples.signals import choose, take

_MODELS = [
    ("TESLA", "MODEL 3", 1, 260, 0.24),
    ("TESLA", "MODEL Y", 1, 290, 0.22),
    ("TESLA", "MODEL S", 1, 300, 0.07),
    ("NISSAN", "LEAF", 1, 140, 0.12),
    ("CHEVROLET", "BOLT EV", 1, 240, 0.06),
    ("CHEVROLET", "VOLT", 0, 45, 0.06),
    ("TOYOTA", "PRIUS PRIME", 0, 25, 0.05),
    ("BMW", "X5", 0, 30, 0.05),
    ("FORD", "MUSTANG MACH-E", 1, 230, 0.06),
    ("KIA", "NIRO", 1, 235, 0.07),
]
_TYPES = ["Plug-in Hybrid Electric Vehicle (PHEV)", "Battery Electric Vehicle (BEV)"]
_ELIGIBILITY = [
    "Not eligible due to low battery range",
    "Clean Alternative Fuel Vehicle Eligible",
]
_PLACES = [("King", "Seattle"), ("Snohomish", "Bothell"), ("Pierce", "Tacoma"), ("Clark", "Vancouver")]
_UTILITIES = [
    "CITY OF SEATTLE",
    "PUGET SOUND ENERGY INC",
    "BONNEVILLE POWER ADMINISTRATION",
    "PUD NO 1 OF CLARK COUNTY",
]


def block(rng: np.random.Generator, first: int, rows: int) -> pd.DataFrame:
    """The rows from `first` on."""
    model = choose(rng, [m[1] for m in _MODELS], [m[4] for m in _MODELS], rows)
    place = choose(rng, [p[1] for p in _PLACES], [0.55, 0.15, 0.16, 0.14], rows)
    battery = np.array([m[2] for m in _MODELS])[model]
    year = 2023 - np.minimum(rng.geometric(0.28, rows) - 1, 12)
    reach = np.array([m[3] for m in _MODELS])[model] * (1 - 0.03 * (2023 - year)) + 4 * rng.standard_normal(rows)
    reach = np.maximum(np.round(reach), 6).astype(np.int64)
    return pd.DataFrame(
        {
            "County": take([p[0] for p in _PLACES], place),
            "City": take([p[1] for p in _PLACES], place),
            "State": np.full(rows, "WA", dtype=object),
            "Postal Code": np.array([98101, 98011, 98402, 98660])[place] + rng.integers(0, 30, rows),
            "Model Year": year,
            "Make": take([m[0] for m in _MODELS], model),
            "Model": take([m[1] for m in _MODELS], model),
            "Electric Vehicle Type": take(_TYPES, battery),
            "Clean Alternative Fuel Vehicle (CAFV) Eligibility": take(_ELIGIBILITY, (reach >= 30).astype(np.int64)),
            "Electric Range": reach,
            "Base MSRP": np.where(rng.random(rows) < 0.03, 30_000 + 150 * reach, 0),
            "Legislative District": rng.integers(1, 50, rows),
            "DOL Vehicle ID": 100_000_000 + np.arange(first, first + rows),
            "Electric Utility": take(_UTILITIES, place),
        }
    )
