"""What a feature step is: a row-wise function, used alike in training and in serving.

A step works on arrays of columns, so that one row costs microseconds and a million rows are vectorised. It is
stateless: what must be learnt from data (imputation, scaling, encoding) belongs to the fitted Pipeline.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from pydantic import ConfigDict

from millrace.strict import StrictModel

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Columns: TypeAlias = "Mapping[str, npt.NDArray[Any]]"
"""Column name to a one-dimensional array; all of one length. Numbers are float64, times datetime64[ns] (UTC), the
rest object arrays of str or None."""


class FeatureStep(StrictModel, ABC):
    """One row-wise step. An entry sets `step` to a Literal and implements `inputs`, `outputs` and `apply`."""

    model_config = ConfigDict(allow_inf_nan=False)

    step: str

    @property
    @abstractmethod
    def inputs(self) -> tuple[str, ...]:
        """The columns that the step reads."""

    @property
    @abstractmethod
    def outputs(self) -> tuple[str, ...]:
        """The columns that the step adds."""

    @property
    def drops(self) -> tuple[str, ...]:
        """The columns that the step uses up: they do not reach the estimator as they are."""
        return ()

    @abstractmethod
    def apply(self, columns: Columns) -> dict[str, np.ndarray]:
        """The added columns, each as long as the inputs. Raises TransformError."""
