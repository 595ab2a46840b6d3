"""The types that a stored model may hold beside those that skops trusts by itself.

A model file never says itself what is to be trusted: whoever can write to the bucket could then run code. A new
estimator that brings types of its own adds them here.
"""

from __future__ import annotations

TRUSTED_TYPES: tuple[str, ...] = (
    "millrace.estimators.blended.BlendedClassifier",
    "millrace.estimators.blended.BlendedRegressor",
    "millrace.estimators.kernels.ScaledProcess",
    "millrace.estimators.labels.EncodedLabels",
    "millrace.features.row_features.RowFeatures",
    "millrace.forecasting.day_vectors.DayVectorModel",
    "millrace.forecasting.growth.SharedGrowthModel",
    "millrace.forecasting.lags.LagModel",
    "millrace.forecasting.mean.MeanModel",
    "millrace.forecasting.model.ForecastModel",
    "millrace.forecasting.seasonal.DriftModel",
    "millrace.forecasting.seasonal.SeasonalNaiveModel",
    "millrace.forecasting.smoothing.SmoothingModel",
    "numpy.dtype",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.impute._iterative.IterativeImputer",
    "sklearn.impute._iterative._ImputerTriplet",
    "sklearn.metrics._dist_metrics.EuclideanDistance64",
    "sklearn.metrics._dist_metrics.ManhattanDistance64",
    "sklearn.metrics._dist_metrics.MinkowskiDistance64",
    "sklearn.neighbors._ball_tree.BallTree",
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    "sklearn.tree._tree.Tree",
    "sklearn.utils._bunch.Bunch",
    "xgboost.core.Booster",
    "xgboost.sklearn.XGBClassifier",
    "xgboost.sklearn.XGBRegressor",
)
