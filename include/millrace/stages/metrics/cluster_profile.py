"""Says in a person's words what each cluster is: its size, its typical values beside the table's, a sentence.

A value is judged by its standardised difference: how far the cluster's mean lies from the table's, in standard
deviations of the table. Numbers and times are compared by their ranks, so that outliers do not decide; a category, and
a missing value, by how often it occurs. So the columns can be put in one order. It judges no clustering's merit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from millrace.features.columns import kind_of

if TYPE_CHECKING:
    import pandas as pd

MAX_TRAITS, MAX_SPOKEN, MAX_CLUSTERS = 40, 4, 50
TELLING = 0.3
"""The least difference, in standard deviations, that the sentence mentions."""
COMMON = 5
"""Categories of a column that are looked at: the commonest of the cluster and of the table."""


def cluster_profile(table: pd.DataFrame, labels: npt.NDArray[Any]) -> dict[str, Any]:
    """The profile as small JSON, the largest cluster first. `labels` names the cluster of each row of `table`."""
    names, counts = np.unique(labels, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    columns = [_Column(str(name), table[name]) for name in table.columns]
    return {
        "kind": "clusters",
        "rows": len(table),
        "clusters": [_profile(names[place], labels == names[place], columns) for place in order[:MAX_CLUSTERS]],
        "clusters_left_out": max(0, len(names) - MAX_CLUSTERS),
    }


def distinctions(profile: dict[str, Any]) -> tuple[list[str], list[str], npt.NDArray[np.float64]]:
    """Clusters, columns and a matrix of the strongest signed difference of each, for a plot."""
    clusters = [str(one["cluster"]) for one in profile["clusters"]]
    strength: dict[str, dict[str, float]] = {}
    for one in profile["clusters"]:
        for trait in reversed(one["traits"]):
            strength.setdefault(trait["column"], {})[str(one["cluster"])] = trait["difference"]
    columns = sorted(strength, key=lambda name: -max(map(abs, strength[name].values())))
    matrix = np.array([[strength[column].get(cluster, 0.0) for column in columns] for cluster in clusters])
    return clusters, columns, matrix


def _profile(name: Any, inside: npt.NDArray[np.bool_], columns: list[_Column]) -> dict[str, Any]:
    traits = [trait for column in columns for trait in column.traits(inside)]
    traits = sorted(traits, key=lambda trait: -abs(trait["difference"]))[:MAX_TRAITS]
    rows, share = int(inside.sum()), float(inside.mean())
    return {
        "cluster": name.item() if hasattr(name, "item") else name,
        "rows": rows,
        "share": share,
        "traits": traits,
        "sentence": _sentence(name, rows, share, traits),
    }


def _sentence(name: Any, rows: int, share: float, traits: list[dict[str, Any]]) -> str:
    spoken: dict[str, str] = {}
    for trait in traits:
        if abs(trait["difference"]) >= TELLING and len(spoken) < MAX_SPOKEN:
            spoken.setdefault(trait["column"], _words(trait))
    told = "; ".join(spoken.values()) or "much like the table as a whole"
    return f"Cluster {name} ({rows:,} rows, {share:.0%}): {told}."


def _words(trait: dict[str, Any]) -> str:
    column, value, overall, more = trait["column"], trait["value"], trait["overall"], trait["difference"] > 0
    if trait["of"] in {"median", "mean"}:
        side = ("higher", "lower") if isinstance(value, float) else ("later", "earlier")
        return f"{column} {side[0 if more else 1]} ({trait['of']} {_shown(value)}, overall {_shown(overall)})"
    what = "missing" if trait["of"] == "missing" else trait["category"]
    often = "" if more else "seldom " if value > 0 else "never "
    return f"{column} {often}{what} ({value:.0%}, overall {overall:.0%})"


def _shown(value: float | str) -> str:
    if isinstance(value, str):
        return value[:10]  # the day of a time
    return f"{value:.4g}" if abs(value) < 10_000 else f"{value:,.0f}"


class _Column:
    """One column of the table and what is typical of it."""

    def __init__(self, name: str, values: pd.Series[Any]) -> None:
        self.name = name
        self._missing = values.isna().to_numpy()
        self._kind = kind_of(values) if not self._missing.all() else "number"
        ordered = self._kind in {"number", "time"}
        self._values = values if ordered else values.astype("string").astype(object)
        self._ranks = values.rank(pct=True).to_numpy(dtype="float64", na_value=np.nan) if ordered else None

    def traits(self, inside: npt.NDArray[np.bool_]) -> list[dict[str, Any]]:
        """What tells these rows from the table: the value in them, in the table, and the difference."""
        found = [self._absence(inside)]
        if (inside & ~self._missing).any():
            found += self._categories(inside) if self._ranks is None else [self._level(self._ranks, inside)]
        return [trait for trait in found if trait is not None]

    def _absence(self, inside: npt.NDArray[np.bool_]) -> dict[str, Any] | None:
        return self._share("missing", self._missing, inside) if self._missing.any() else None

    def _level(self, ranks: npt.NDArray[Any], inside: npt.NDArray[np.bool_]) -> dict[str, Any] | None:
        spread = np.nanstd(ranks)
        if not spread > 0:
            return None
        difference = (np.nanmean(ranks[inside]) - np.nanmean(ranks)) / spread
        here, there = self._values[inside], self._values
        of = "median" if self._kind == "time" or here.median() != there.median() else "mean"
        value, overall = (_plain(getattr(part, of)()) for part in (here, there))
        return {"column": self.name, "of": of, "value": value, "overall": overall, "difference": float(difference)}

    def _categories(self, inside: npt.NDArray[np.bool_]) -> list[dict[str, Any]]:
        common = [part.value_counts().index[:COMMON] for part in (self._values[inside], self._values)]
        shares = []
        for category in dict.fromkeys([*common[0], *common[1]]):
            share = self._share("share", (self._values == category).to_numpy(dtype=bool), inside)
            shares += [{**share, "category": str(category)}] if share else []
        return shares

    def _share(self, of: str, marked: npt.NDArray[np.bool_], inside: npt.NDArray[np.bool_]) -> dict[str, Any] | None:
        value, overall = float(marked[inside].mean()), float(marked.mean())
        if not 0 < overall < 1:
            return None
        difference = (value - overall) / np.sqrt(overall * (1 - overall))
        return {"column": self.name, "of": of, "value": value, "overall": overall, "difference": float(difference)}


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else float(value)
