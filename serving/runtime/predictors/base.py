"""What a predictor promises: columns in, plain answers out, in the order of the rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

Columns = dict[str, Any]
"""Column name to an array: float64, datetime64[ns] in UTC, or objects of str and None."""


@dataclass(slots=True)
class Asked:
    """The answers for some rows: numbers, lists of numbers for several targets, or labels.

    For a classification also the probability of the answer, and of every label as rows of an array.
    """

    values: list[Any]
    confidences: list[float] | None = None
    shares: Any = None


class Predictor(Protocol):
    """One way to ask a model; any thread may."""

    is_compiled: bool
    is_quick: bool
    """Whether a row costs so little that a hop to a thread would cost more."""
    labels: list[Any] | None

    def ask(self, columns: Columns) -> Asked:
        """The answers. Raises whatever the model raises."""
