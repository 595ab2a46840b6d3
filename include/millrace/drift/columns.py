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
        self.missing = float(values.isna().mean()) if len(values) else 0.0

    def figures(self, values: pd.Series) -> dict[Check, float]:
        """The sample's figures by check; without a known value there is nothing but its missing share."""
        known = values.dropna()
        found: dict[Check, float] = {"missing": float(values.isna().mean())}
        return found | self._of_known(known) if len(known) and self._has_values() else found

    def limits(self, values: pd.Series, least: dict[Check, float], chance: float) -> dict[Check, float]:
        """What chance alone may do to each figure of such a sample, where `least` is what nobody minds."""
        known = values.dropna()
        found: dict[Check, float] = {"missing": share_limit(self.missing + least["missing"], len(values), chance)}
        if not len(known) or not self._has_values():
            return found
        noise = max(least["distribution"], self._noise(known, chance))
        strange = share_limit(least[self.own] + self._strange_by_chance(), len(known), chance)
        return found | {"distribution": noise, self.own: strange}

    @abstractmethod
    def _has_values(self) -> bool: ...

    @abstractmethod
    def _of_known(self, known: pd.Series) -> dict[Check, float]: ...

    @abstractmethod
    def _noise(self, known: pd.Series, chance: float) -> float: ...

    @abstractmethod
    def _strange_by_chance(self) -> float: ...

    @abstractmethod
    def strange_share(self, values: pd.Series, others: npt.NDArray[Any]) -> float:
        """The figure `own` of a part of the reference against the other parts."""

    def examples(self, values: pd.Series) -> list[str]:
        """Some values that the reference does not have."""
        return []


class NumberColumn(ReferenceColumn):
    """Numbers, and truth values among them no more."""

    own: Check = "out_of_range"

    def __init__(self, values: pd.Series) -> None:
        super().__init__(values)
        self._sorted = numbers(values)

    def _has_values(self) -> bool:
        return len(self._sorted) > 0

    def _of_known(self, known: pd.Series) -> dict[Check, float]:
        sample = numbers(known)
        beyond = (sample < self._sorted[0]) | (sample > self._sorted[-1])
        return {"distribution": ks_distance(self._sorted, sample), "out_of_range": float(beyond.mean())}

    def _noise(self, known: pd.Series, chance: float) -> float:
        return ks_noise(len(self._sorted), len(known), chance)

    def _strange_by_chance(self) -> float:
        return 2 / (len(self._sorted) + 1)

    def strange_share(self, values: pd.Series, others: npt.NDArray[Any]) -> float:
        """The share of numbers beyond those of the other parts."""
        sample, rest = numbers(values), others.astype("float64")
        if np.isnan(rest).all():
            return 1.0
        return float(((sample < np.nanmin(rest)) | (sample > np.nanmax(rest))).mean())


class CategoryColumn(ReferenceColumn):
    """Texts and truth values."""

    own: Check = "new_categories"

    def __init__(self, values: pd.Series) -> None:
        super().__init__(values)
        counts = texts(values.dropna()).value_counts()
        self._seen = set(counts.index)
        self._unseen = unseen_share(counts.to_numpy())
        self._names = list(counts.index[:CATEGORIES])
        self._counts = self._counted(texts(values.dropna()))

    def _has_values(self) -> bool:
        return bool(self._seen)

    def _of_known(self, known: pd.Series) -> dict[Check, float]:
        sample = texts(known)
        distance = variation_distance(self._counts, self._counted(sample))
        return {"distribution": distance, "new_categories": float((~sample.isin(self._seen)).mean())}

    def _noise(self, known: pd.Series, chance: float) -> float:
        return variation_noise(self._counts, self._counted(texts(known)), chance)

    def _strange_by_chance(self) -> float:
        return self._unseen

    def strange_share(self, values: pd.Series, others: npt.NDArray[Any]) -> float:
        """The share of values that the other parts do not have."""
        import pandas as pd

        sample = texts(values.dropna())
        return float((~sample.isin(set(texts(pd.Series(others).dropna())))).mean())

    def _counted(self, sample: pd.Series) -> Any:
        counts = sample.value_counts().reindex(self._names, fill_value=0).to_numpy()
        return np.append(counts, len(sample) - counts.sum())

    def examples(self, values: pd.Series) -> list[str]:
        """The most frequent values that the reference does not have."""
        sample = texts(values.dropna())
        return [str(value)[:80] for value in sample[~sample.isin(self._seen)].value_counts().index[:EXAMPLES]]


def numbers(values: pd.Series) -> Numbers:
    """The known numbers, sorted; infinite ones are kept, as they are beyond every range."""
    found = values.dropna().to_numpy(dtype="float64")
    return np.sort(found[~np.isnan(found)])


def texts(values: pd.Series) -> pd.Series:
    """Every value as text, so that a category is itself whether a caller wrote 1, '1' or true."""
    if values.dtype.kind == "f" and bool((values == np.floor(values)).all()):
        values = values.astype("int64")
    return values.astype(str)
