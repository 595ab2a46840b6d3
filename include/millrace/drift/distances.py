"""Distances of two samples between 0 and 1, and how large each gets by chance alone.

For numbers the Kolmogorov-Smirnov distance, for categories the total variation distance: both need no bins and no
tuning, and both have bounds for what chance does, so that one limit answers for the size of the samples too.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Numbers: TypeAlias = "npt.NDArray[np.float64]"
Counts: TypeAlias = "npt.NDArray[np.integer[Any]]"


def ks_distance(reference: Numbers, current: Numbers) -> float:
    """The largest gap between the two empirical distribution functions; both arrays are sorted.

    Between two values of `current` its function is flat and the other one climbs, so that the gap is largest at a
    value of `current`, seen from the left or from the right.
    """
    gaps = [
        np.searchsorted(reference, current, side=side) / len(reference)
        - np.searchsorted(current, current, side=side) / len(current)
        for side in ("left", "right")
    ]
    return float(np.abs(gaps).max())


def ks_noise(rows: int, others: int, chance: float) -> float:
    """What the distance exceeds with at most this chance when both samples are of one distribution."""
    return float(np.sqrt(-np.log(chance / 2) / 2 * (1 / rows + 1 / others)))


def variation_distance(reference: Counts, current: Counts) -> float:
    """Half the sum of the differences of the shares; both count the same categories in the same order."""
    return float(np.abs(reference / reference.sum() - current / current.sum()).sum() / 2)


def variation_noise(reference: Counts, current: Counts, chance: float) -> float:
    """As `ks_noise`: the expected distance of two samples, and McDiarmid's bound for what lies above it."""
    weight = 1 / reference.sum() + 1 / current.sum()
    share = (reference + current) / (reference.sum() + current.sum())
    expected = np.sqrt(share * (1 - share) * weight).sum() / 2
    return float(expected + np.sqrt(-np.log(chance) / 2 * weight))


def share_limit(expected: float, rows: int, chance: float) -> float:
    """The share that a sample of `rows` exceeds with at most this chance when `expected` is the true one."""
    from scipy.stats import binom

    return float(binom.isf(chance, rows, min(expected, 1.0)) / rows)


def unseen_share(counts: npt.NDArray[Any]) -> float:
    """How likely the next value is one never seen: the share of those seen once (Good and Turing)."""
    total = counts.sum()
    return float((counts == 1).sum() / total) if total else 0.0
