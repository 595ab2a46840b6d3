"""Synthetic: body measures of three species of penguins, with the columns of the Palmer table."""

from __future__ import annotations

import numpy as np
import pandas as pd

from millrace.sources.samples.signals import choose, take

_SPECIES = ["Adelie", "Gentoo", "Chinstrap"]
_ISLANDS = ["Torgersen", "Biscoe", "Dream"]
_BILL = np.array([[38.8, 18.3], [47.5, 15.0], [48.8, 18.4]])
_BODY = np.array([[190.0, 3700.0], [217.0, 5076.0], [196.0, 3733.0]])


def block(rng: np.random.Generator, first: int, rows: int) -> pd.DataFrame:
    """The rows from `first` on; males are larger, and a few birds were not measured."""
    del first
    species = choose(rng, _SPECIES, [152, 124, 68], rows)
    male = rng.random(rows) < 0.5
    size = np.where(male, 1.0, -1.0)
    noise = rng.standard_normal((4, rows))
    columns = {
        "bill_length_mm": np.round(_BILL[species, 0] + 1.7 * size + 2.3 * noise[0], 1),
        "bill_depth_mm": np.round(_BILL[species, 1] + 0.75 * size + 0.85 * noise[1], 1),
        "flipper_length_mm": np.round(_BODY[species, 0] + 3.5 * size + 5.5 * noise[2]),
        "body_mass_g": np.round((_BODY[species, 1] + 340 * size + 300 * noise[3]) / 25) * 25,
    }
    unmeasured = rng.random(rows) < 0.006
    for values in columns.values():
        values[unmeasured] = np.nan
    sex = take(["female", "male"], male.astype(np.int64))
    sex[unmeasured | (rng.random(rows) < 0.026)] = None
    island = np.where(species == 1, 1, np.where(species == 2, 2, rng.integers(0, 3, rows)))
    year = rng.integers(2007, 2010, rows)
    return pd.DataFrame(
        {"species": take(_SPECIES, species), "island": take(_ISLANDS, island), **columns, "sex": sex, "year": year}
    )
