"""One column of the reference, prepared once: it measures any number of samples against itself.

A sample's figure comes without a judgement; what is too much is decided in `compare`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from millrace.drift.base import Check
from millrace.drift.distances import (
    Counts,
    Numbers,
    ks_distance,
    ks_noise,
    share_limit,
    unseen_share,
    variation_distance,
    variation_noise,
)

if TYPE_CHECKING:
    import pandas as pd

CATEGORIES = 50
"""Categories that are told apart; rarer ones are compared together, or names and numbers of things would be noise."""
EXAMPLES = 5


class ReferenceColumn(ABC):
    """What a column was when the model learnt it."""

    own: Check
    """The check that only this kind of column has."""

    def __init__(self, values: pd.Series) -> None:
        self.rows = len(values)
        self._unknown = values.isna().to_numpy()
        self.missing = float(self._unknown.mean()) if len(values) else 0.0
        self.has_values = bool(len(values)) and not self._unknown.all()

    def figures(self, values: pd.Series) -> dict[Check, float]:
        """The sample's figures by check; without a known value there is nothing but its missing share."""
        known = values.dropna()
        found: dict[Check, float] = {"missing": float(values.isna().mean())}
        return found | self._of_known(known) if len(known) and self.has_values else found

    def limits(self, values: pd.Series, least: dict[Check, float], chance: float) -> dict[Check, float]:
        """What chance alone may do to each figure of such a sample, where `least` is what nobody minds."""
        known = values.dropna()
        found: dict[Check, float] = {"missing": share_limit(self.missing + least["missing"], len(values), chance)}
        if not len(known) or not self.has_values:
            return found
        noise = max(least["distribution"], self._noise(known, chance))
        strange = share_limit(least[self.own] + self._strange_by_chance(), len(known), chance)
        return found | {"distribution": noise, self.own: strange}

    def figures_of_part(self, part: slice) -> dict[Check, float]:
        """The figures of some of the reference's own rows, against its other rows."""
        unknown = self._unknown[part]
        found: dict[Check, float] = {"missing": float(unknown.mean())}
        known, others = int((~unknown).sum()), int((~self._unknown).sum()) - int((~unknown).sum())
        if not known or not others:
            return found
        distance, strange = self._of_part(part)
        # Against the whole a part is compared with itself too; this is its distance from the others, exactly.
        return found | {"distribution": min(1.0, distance * (known + others) / others), self.own: strange}

    def examples(self, values: pd.Series) -> list[str]:
        """Some values that the reference does not have."""
        return []

    @abstractmethod
    def _of_known(self, known: pd.Series) -> dict[Check, float]: ...

    @abstractmethod
    def _of_part(self, part: slice) -> tuple[float, float]:
        """The distance of a part from the whole, and its share of values that the other rows do not reach."""

    @abstractmethod
    def _noise(self, known: pd.Series, chance: float) -> float: ...

    @abstractmethod
    def _strange_by_chance(self) -> float: ...


class NumberColumn(ReferenceColumn):
    """Numbers."""

    own: Check = "out_of_range"

    def __init__(self, values: pd.Series) -> None:
        super().__init__(values)
        self._values = values.to_numpy(dtype="float64", na_value=np.nan)
        self._sorted = np.sort(self._values[~self._unknown])

    def _of_known(self, known: pd.Series) -> dict[Check, float]:
        sample = np.sort(known.to_numpy(dtype="float64"))
        beyond = (sample < self._sorted[0]) | (sample > self._sorted[-1])
        return {"distribution": ks_distance(self._sorted, sample), "out_of_range": float(beyond.mean())}

    def _of_part(self, part: slice) -> tuple[float, float]:
        sample = np.sort(self._values[part][~self._unknown[part]])
        below = sample < _first_other(self._sorted, sample)
        above = sample > -_first_other(-self._sorted[::-1], -sample[::-1])
        return ks_distance(self._sorted, sample), float((below | above).mean())

    def _noise(self, known: pd.Series, chance: float) -> float:
        return ks_noise(len(self._sorted), len(known), chance)

    def _strange_by_chance(self) -> float:
        return 2 / (len(self._sorted) + 1)


class CategoryColumn(ReferenceColumn):
    """Texts and truth values; each is known by its place among the categories, the most frequent first."""

    own: Check = "new_categories"

    def __init__(self, values: pd.Series) -> None:
        super().__init__(values)
        known = values.dropna()
        counts = texts(known).value_counts()
        self._categories, self._counts = counts.index, counts.to_numpy()
        self._places = np.full(len(values), -1)
        self._places[~self._unknown] = self._places_of(known)

    def _of_known(self, known: pd.Series) -> dict[Check, float]:
        places = self._places_of(known)
        distance = variation_distance(_grouped(self._counts), self._grouped_places(places))
        return {"distribution": distance, "new_categories": float((places < 0).mean())}

    def _of_part(self, part: slice) -> tuple[float, float]:
        places = self._places[part][~self._unknown[part]]
        counts = np.bincount(places, minlength=len(self._counts))
        own = counts[(counts > 0) & (counts == self._counts)].sum()
        return variation_distance(_grouped(self._counts), self._grouped_places(places)), float(own / len(places))

    def _noise(self, known: pd.Series, chance: float) -> float:
        places = self._places_of(known)
        return variation_noise(_grouped(self._counts), self._grouped_places(places), chance)

    def _strange_by_chance(self) -> float:
        return unseen_share(self._counts)

    def _places_of(self, known: pd.Series) -> npt.NDArray[np.intp]:
        import pandas as pd

        return self._categories.get_indexer(pd.Index(texts(known)))

    def _grouped_places(self, places: npt.NDArray[Any]) -> Counts:
        counts = _grouped(np.bincount(places[places >= 0], minlength=len(self._counts)))
        counts[-1] += (places < 0).sum()
        return counts

    def examples(self, values: pd.Series) -> list[str]:
        """The most frequent values that the reference does not have."""
        sample = texts(values.dropna())
        return [str(value)[:80] for value in sample[~sample.isin(self._categories)].value_counts().index[:EXAMPLES]]


def _grouped(counts: Counts) -> Counts:
    """The counts of the categories that are told apart, and of all others together."""
    return np.append(counts[:CATEGORIES], counts[CATEGORIES:].sum())


def _first_other(everything: Numbers, part: Numbers) -> float:
    """The smallest of the sorted numbers that are not in the sorted `part`, which is some of them."""
    different = np.flatnonzero(everything[: len(part)] != part)
    place = int(different[0]) if len(different) else len(part)
    return float(everything[place]) if place < len(everything) else float("inf")


def texts(values: pd.Series) -> pd.Series:
    """Every value as text, so that a category is itself whether a caller wrote 1, '1' or true."""
    if values.dtype.kind == "f" and bool((values == np.floor(values)).all()):
        values = values.astype("int64")
    return values.astype(str)
