"""Metrics are scikit-learn's; intervals cover what they should."""

from __future__ import annotations

import numpy as np
import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from millrace.stages.metrics.scoring import Answer, bootstrap, cluster_metrics, interval, metrics

SEEDS = st.integers(0, 2**32 - 1)


@examples(40)
@given(SEEDS, st.integers(1, 3))
def test_regression_metrics_agree_with_scikit_learn(seed: int, targets: int) -> None:
    rng = np.random.default_rng(seed)
    shape = (50,) if targets == 1 else (50, targets)
    truth, said = rng.normal(1e4, 3, shape), rng.normal(1e4, 3, shape)
    scored = metrics("regression", truth, Answer(said), ["a", "b", "c"][:targets])
    assert scored["rmse"] == pytest.approx(sk.root_mean_squared_error(truth, said))
    assert scored["mae"] == pytest.approx(sk.mean_absolute_error(truth, said))
    assert scored["r2"] == pytest.approx(sk.r2_score(truth, said))
    assert scored["mape"] == pytest.approx(sk.mean_absolute_percentage_error(truth, said))
    assert scored["wape"] == pytest.approx(np.mean(np.abs(truth - said).sum(0) / np.abs(truth).sum(0)))
    assert scored["median_ae"] == pytest.approx(sk.median_absolute_error(truth, said))
    assert ("rmse:a" in scored) == (targets > 1)


def test_a_truth_of_zero_leaves_no_mape_but_a_wape() -> None:
    truth, said = np.array([0.0, 10.0, 30.0]), np.array([1.0, 9.0, 32.0])
    scored = metrics("regression", truth, Answer(said))
    assert "mape" not in scored
    assert scored["wape"] == pytest.approx(0.1)
    samples = bootstrap("regression", truth, {"one": Answer(said)}, seed=1)["one"]
    assert "mape" not in samples
    assert all(np.isfinite(interval(values)).all() for name, values in samples.items() if name != "r2")


@examples(40)
@given(SEEDS, st.integers(2, 5))
def test_classification_metrics_agree_with_scikit_learn(seed: int, classes: int) -> None:
    rng = np.random.default_rng(seed)
    labels = np.array(list("abcde")[:classes], dtype=object)
    truth = np.concatenate([labels, rng.choice(labels, 40)])
    shares = rng.dirichlet(np.ones(classes), len(truth))
    said = labels[shares.argmax(axis=1)]
    scored = metrics("classification", truth, Answer(said, shares, labels))
    assert scored["f1_macro"] == pytest.approx(sk.f1_score(truth, said, average="macro", zero_division=0))
    assert scored["accuracy"] == pytest.approx(sk.accuracy_score(truth, said))
    assert scored["balanced_accuracy"] == pytest.approx(sk.balanced_accuracy_score(truth, said))
    precision = sk.precision_score(truth, said, average="macro", zero_division=0)
    assert scored["precision_macro"] == pytest.approx(precision)
    assert scored["recall_macro"] == pytest.approx(sk.recall_score(truth, said, average="macro", zero_division=0))
    assert scored["log_loss"] == pytest.approx(sk.log_loss(truth, shares, labels=labels))
    auc = shares[:, 1] if classes == 2 else shares
    assert scored["roc_auc"] == pytest.approx(sk.roc_auc_score(truth, auc, multi_class="ovr"))


def test_a_class_that_the_model_never_saw_is_a_mistake_and_no_crash() -> None:
    truth = np.array(["a", "b", "c", "a"], dtype=object)
    shares = np.array([[0.9, 0.1], [0.2, 0.8], [0.5, 0.5], [0.7, 0.3]])
    scored = metrics(
        "classification", truth, Answer(np.array(["a", "b", "a", "a"], dtype=object), shares, np.array(["a", "b"]))
    )
    assert scored["accuracy"] == 0.75
    assert "roc_auc" not in scored
    assert scored["log_loss"] > 5


def test_a_constant_truth_has_no_r2() -> None:
    assert "r2" not in metrics("regression", np.ones(5), Answer(np.zeros(5)))


def test_intervals_hold_the_value_and_differences_are_paired() -> None:
    rng = np.random.default_rng(1)
    truth = rng.normal(size=500)
    noise = rng.normal(size=500)
    samples = bootstrap("regression", truth, {"a": Answer(truth + noise), "b": Answer(truth + 1.02 * noise)}, seed=3)
    low, high = interval(samples["a"]["rmse"])
    assert low < metrics("regression", truth, Answer(truth + noise))["rmse"] < high
    # Alone the two overlap; on the same resamples b is worse every time.
    assert interval(samples["b"]["rmse"])[0] < high
    assert interval(samples["b"]["rmse"] - samples["a"]["rmse"])[0] > 0
    again = bootstrap("regression", truth, {"a": Answer(truth + noise)}, seed=3)
    np.testing.assert_array_equal(again["a"]["rmse"], samples["a"]["rmse"])


def test_one_cluster_has_no_score() -> None:
    points = np.random.default_rng(0).normal(size=(30, 2))
    assert cluster_metrics(points, np.zeros(30)) == {}
    assert cluster_metrics(np.vstack([points, points + 50]), np.repeat([0, 1], 30))["silhouette"] > 0.9
