"""Gaussian process regression: for tables of some hundred rows with little noise, where nothing comes near it."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from millrace.estimators.base import Candidate


class GaussianProcess(Candidate):
    """A Gaussian process with a length scale for each input; its time grows with the cube of the rows."""

    tasks: ClassVar[frozenset[str]] = frozenset({"regression"})
    parameters: ClassVar[frozenset[str]] = frozenset({"alpha", "kernel", "n_restarts_optimizer", "random_state"})
    needs_scaling: ClassVar[bool] = True
    several_targets: ClassVar[bool] = False
    estimator: Literal["gaussian_process"]

    def build(self, task: str, params: dict[str, Any], seed: int) -> Any:
        """GaussianProcess with a length scale for each input; `kernel`: rbf, matern32 or matern52 (the default)."""
        from millrace.estimators.kernels import ScaledProcess

        return ScaledProcess(**{"random_state": seed, **params})
