"""Finds the few values of a column that look like mistakes: misspelt categories, stray negatives, far outliers.

It is careful rather than thorough: what it names goes into a quarantine rule, so a false alarm costs good rows.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

MOST_SHARE = 0.005
"""More of them than this is how the column is, not damage."""
MOST_OUTLIERS = 5
MOST_NAMES = 50
"""Among more names than these, two that are alike are likely to be two things."""


@dataclass(frozen=True)
class Damage:
    """What looks wrong (`sentence`), how many values, and the bounds or the values that are right."""

    sentence: str
    count: int
    minimum: float | None = None
    maximum: float | None = None
    wrong: tuple[str, ...] = ()


def find_damage(known: pd.Series, integer: bool) -> Damage | None:
    """The damage of a column without nulls, if any stands out."""
    if len(known) < 100:
        return None
    if known.dtype.kind in "if":
        return _stray_numbers(known.astype("float64"), integer)
    return _misspelt(known)


def _stray_numbers(known: pd.Series, integer: bool) -> Damage | None:
    negative = int((known < 0).sum())
    stray_negative = integer and 0 < negative <= MOST_SHARE * len(known)
    rest = known[known >= 0] if stray_negative else known
    high = _outlier_bound(rest)
    if not stray_negative and high is None:
        return None
    sentences = []
    if stray_negative:
        sentences.append(f"{negative} of {len(known):,} values are negative")
    outliers = rest[rest > high] if high is not None else rest.iloc[:0]
    if len(outliers):
        shown = ", ".join(f"{value:g}" for value in sorted(outliers))
        verb = "lie" if len(outliers) > 1 else "lies"
        sentences.append(f"{shown} {verb} far above the rest, which ends at {rest[rest <= high].max():g}")
    return Damage(
        "; ".join(sentences),
        negative * stray_negative + len(outliers),
        minimum=0.0 if stray_negative else None,
        maximum=high,
    )


def _outlier_bound(known: pd.Series) -> float | None:
    """A bound above the ordinary values, when a few lie so far above them that nothing else has such a gap."""
    import numpy as np

    counts = known.value_counts().sort_index()
    values = counts.index.to_numpy(dtype="float64")
    if len(values) < 20:
        return None
    gaps = np.diff(values)
    most = min(MOST_OUTLIERS, max(1, int(0.002 * len(known))))
    above = counts.to_numpy()[::-1].cumsum()[::-1]
    for position in range(max(1, len(values) - most), len(values)):
        ordinary = gaps[: position - 1]
        spread = values[position - 1] - values[0]
        far = gaps[position - 1] >= 5 * ordinary.max(initial=0) and gaps[position - 1] >= 0.4 * spread
        if far and above[position] <= most:
            return float(f"{(values[position - 1] + values[position]) / 2:.4g}")
    return None


def _misspelt(known: pd.Series) -> Damage | None:
    counts = known.value_counts()
    if len(counts) > MOST_NAMES:
        return None
    common = [str(value) for value in counts.index[counts >= 0.02 * len(known)]]
    rare = [str(value) for value in counts.index[counts <= max(1, MOST_SHARE * len(known) / 5)]]
    wrong = {value: meant for value in rare if (meant := _meant(value, common)) is not None}
    count = int(counts.loc[list(wrong)].sum()) if wrong else 0
    if not wrong or count > MOST_SHARE * len(known):
        return None
    pairs = ", ".join(f"'{value}' (surely '{meant}')" for value, meant in sorted(wrong.items()))
    return Damage(f"misspelt: {pairs}", count, wrong=tuple(sorted(wrong)))


def _meant(value: str, common: list[str]) -> str | None:
    """The common value that this rare one is a slip of: other case or blanks, cut short, or a letter or two off."""
    folded = value.strip().casefold()
    for candidate in common:
        other = candidate.casefold()
        if folded == other or (len(folded) >= 3 and folded.isalpha() and other.startswith(folded)):
            return candidate
    if any(letter.isdigit() for letter in value):
        return None
    near: list[Any] = difflib.get_close_matches(folded, [name.casefold() for name in common], n=1, cutoff=0.9)
    return next((name for name in common if name.casefold() == near[0]), None) if near else None
