"""What an explainer gives for one row: a base value and, for each column of the matrix, a share of the answer.

Explainers are entries in a table by the estimator's name, so a new one is one entry. They know nothing of fields.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from serving.failures import NotExplainableError

if TYPE_CHECKING:
    import numpy.typing as npt

    Array: TypeAlias = "npt.NDArray[Any]"

Scale: TypeAlias = Literal["value", "probability", "log-odds", "score"]


@dataclass(frozen=True)
class Shares:
    """For each output of a model: `base` (outputs,), `shares` (columns, outputs), and the model's own `value`.

    The outputs are targets of a regression, or classes; of two classes on the scale of log-odds only the second.
    """

    scale: Scale
    base: Array
    shares: Array
    value: Array

    def check(self) -> Shares:
        """Themselves. Raises NotExplainableError where they do not add up to the model's own answer."""
        sums = self.base + self.shares.sum(axis=0)
        if not np.allclose(sums, self.value, rtol=1e-4, atol=1e-6 * max(1.0, float(np.abs(self.base).max()))):
            raise NotExplainableError(
                f"The shares add up to {sums.tolist()!s:.80}, but the model says {self.value.tolist()!s:.80}.",
                hint="This model cannot be explained by SHAP values.",
            )
        return self


Explainer: TypeAlias = "Callable[[Any, Array, Array], Shares]"
"""The shares of a fitted estimator's answer for a matrix of one row, against a matrix of example rows."""


def two_dimensional(shares: Any) -> Array:
    """What shap gives for one row, as (columns, outputs)."""
    found: Array = np.asarray(shares, dtype=np.float64)[0]
    return found.reshape(-1, 1) if found.ndim == 1 else found
