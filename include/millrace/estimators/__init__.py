"""The estimators that a candidate may name, one entry each."""

from __future__ import annotations

from millrace.estimators.base import Candidate
from millrace.estimators.composite import Auto, Stacking
from millrace.estimators.gaussian_process import GaussianProcess
from millrace.estimators.linear import ElasticNet, LinearRegression, LogisticRegression, Ridge
from millrace.estimators.others import Dummy, KMeans, NearestNeighbours, NeuralNetwork, SupportVectors
from millrace.estimators.trees import ExtraTrees, HistGradientBoosting, RandomForest, XGBoost
from millrace.estimators.voting import Voting

CANDIDATES: tuple[type[Candidate], ...] = (
    LinearRegression,
    Ridge,
    ElasticNet,
    LogisticRegression,
    RandomForest,
    ExtraTrees,
    HistGradientBoosting,
    XGBoost,
    NeuralNetwork,
    NearestNeighbours,
    SupportVectors,
    GaussianProcess,
    KMeans,
    Voting,
    Stacking,
    Auto,
    Dummy,
)
