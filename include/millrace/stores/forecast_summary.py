"""How the forecasts of one series have held: counted document by document, so that no number of them fills memory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Document = dict[str, Any]


@dataclass
class Held:
    """A series: its times, newest origin and version; how many truths are known or missing; error, coverage, width."""

    series: str
    target: str
    until: datetime
    sums: dict[str, float] = field(default_factory=lambda: dict.fromkeys(("known", "missing", "error"), 0.0))
    within: dict[str, float] = field(default_factory=lambda: dict.fromkeys(("count", "inside", "width"), 0.0))

    @staticmethod
    def reads(target: str) -> tuple[str, ...]:
        """The fields that are looked at."""
        return (
            "series",
            "timestamp",
            "origin",
            "model_version",
            "confidence_lower",
            "confidence_upper",
            "actual",
            target,
        )

    def of(self, documents: Iterable[Document]) -> Document:
        """The summary of these documents, of which there is at least one."""
        times: list[datetime] = []
        newest: Document = {}
        for one in documents:
            times = [min([one["timestamp"], *times[:1]]), max([one["timestamp"], *times[1:]])]
            if not newest or one["origin"] > newest["origin"]:
                newest = one
            self._count(one)
        return {
            "series": self.series,
            "from": times[0],
            "to": times[1],
            "origin": newest["origin"],
            "model_version": newest["model_version"],
            "known": int(self.sums["known"]),
            "missing": int(self.sums["missing"]),
            "mae": _share(self.sums["error"], self.sums["known"]),
            "coverage": _share(self.within["inside"], self.within["count"]),
            "interval_width": _share(self.within["width"], self.within["count"]),
        }

    def _count(self, one: Document) -> None:
        actual, value = one.get("actual"), one.get(self.target)
        if actual is None or value is None:
            self.sums["missing"] += one["timestamp"] < self.until
            return
        self.sums["known"] += 1
        self.sums["error"] += abs(value - actual)
        low, high = one["confidence_lower"], one["confidence_upper"]
        if low is not None and high is not None:
            self.within["count"] += 1
            self.within["inside"] += low <= actual <= high
            self.within["width"] += high - low


def _share(total: float, count: float) -> float | None:
    return total / count if count else None
