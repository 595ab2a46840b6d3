"""A Gaussian process whose kernel is chosen by name and gets a length scale for each input that it is fitted to."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin

from millrace.errors import TrainingError, did_you_mean

SMOOTHNESS = {"matern32": 1.5, "matern52": 2.5, "rbf": float("inf")}
MOST_ROWS = 5_000
MOST_STEPS = 40
"""Of the search for scales: the last digits of a likelihood cost most of the time and change no prediction."""


def _climb(loss: Any, start: Any, bounds: Any) -> tuple[Any, float]:
    from scipy.optimize import minimize

    found = minimize(loss, start, method="L-BFGS-B", jac=True, bounds=bounds, options={"maxiter": MOST_STEPS})
    return found.x, float(found.fun)


class ScaledProcess(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """scikit-learn's GaussianProcessRegressor, kept as what its mean needs: scales, training points and their weights.

    `alpha` is the least noise that is assumed, as a share of the target's variance.
    """

    def __init__(
        self,
        kernel: str = "matern52",
        alpha: float = 1e-6,
        n_restarts_optimizer: int = 0,
        random_state: int | None = None,
    ) -> None:
        self.kernel = kernel
        self.alpha = alpha
        self.n_restarts_optimizer = n_restarts_optimizer
        self.random_state = random_state

    def fit(self, rows: Any, y: Any) -> ScaledProcess:
        """Find the scales and the noise by their likelihood. Raises TrainingError for too many rows."""
        from sklearn.gaussian_process import GaussianProcessRegressor

        rows, y = np.asarray(rows, dtype=float), np.asarray(y, dtype=float)
        if len(rows) > MOST_ROWS:
            raise TrainingError(
                f"A gaussian_process learns from at most {MOST_ROWS:,} rows, and here are {len(rows):,}.",
                hint="Choose another estimator.",
            )
        process = GaussianProcessRegressor(
            self._kernel(rows.shape[1]),
            alpha=self.alpha,
            normalize_y=True,
            optimizer=_climb,
            n_restarts_optimizer=self.n_restarts_optimizer,
            random_state=self.random_state,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a scale at its bound says that the input does not matter
            process.fit(rows, y)
        product = process.kernel_.k1
        self.scales_ = np.broadcast_to(product.k2.length_scale, rows.shape[1]).copy()
        self.points_ = rows / self.scales_
        self.weights_ = np.asarray(process.alpha_).ravel() * float(product.k1.constant_value) * process._y_train_std
        self.offset_ = float(process._y_train_mean)
        self.n_features_in_ = rows.shape[1]
        return self

    def predict(self, rows: Any) -> Any:
        """The mean."""
        from scipy.spatial.distance import cdist

        squares = cdist(np.asarray(rows, dtype=float) / self.scales_, self.points_, "sqeuclidean")
        return self._similar(squares) @ self.weights_ + self.offset_

    def _similar(self, squares: Any) -> Any:
        if self.kernel == "rbf":
            return np.exp(-0.5 * squares)
        far = np.sqrt(2 * SMOOTHNESS[self.kernel] * squares)
        return (1 + far + (far**2 / 3 if self.kernel == "matern52" else 0)) * np.exp(-far)

    def _kernel(self, width: int) -> Any:
        from sklearn.gaussian_process.kernels import RBF, ConstantKernel, Matern, WhiteKernel

        if self.kernel not in SMOOTHNESS:
            raise TrainingError(
                f"'{self.kernel}' is no kernel of a gaussian_process.", hint=did_you_mean(self.kernel, SMOOTHNESS)
            )
        scales, bounds = np.full(width, 2.0), (1e-2, 1e4)
        shape = RBF(scales, bounds) if self.kernel == "rbf" else Matern(scales, bounds, nu=SMOOTHNESS[self.kernel])
        return ConstantKernel(10.0, (1e-2, 1e6)) * shape + WhiteKernel(1e-2, (1e-7, 1e1))
