"""What is made of several models' predictions: weights, calibration and thresholds, each judged on unseen rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from millrace.estimators.blended import mended
from millrace.stages.search import combining, deciding
from millrace.stages.search.calibration import brier, calibrate, log_loss
from millrace.stages.search.panel import Making, Panel, ways

RNG = np.random.default_rng(3)
METRICS = ["rmse", "median_ae"]


def panel_of(
    answers: Any, truth: Any, task: str = "regression", metric: str = "rmse", folds: int = 4, kinds: str = "abcdefgh"
) -> Panel:
    rows = np.array_split(np.arange(len(truth)), folds)
    classes = np.arange(truth.shape[1]) if task == "classification" else None
    sign = -1.0 if metric in {"rmse", "median_ae", "log_loss"} else 1.0
    parts = [answers[:, part] for part in rows], [truth[part] for part in rows]
    return Panel(task, metric, *parts, classes, tuple(kinds[: len(answers)]), sign=sign)


def test_least_squares_finds_the_weights_that_made_the_truth() -> None:
    answers = RNG.normal(size=(3, 500, 1))
    weights = np.array([0.7, 0.0, 0.3])
    found = combining.least_squares(answers, np.einsum("mro,m->ro", answers, weights))
    np.testing.assert_allclose(found[:, 0], weights, atol=1e-6)


@examples(40)
@given(
    hnp.arrays(float, (3, 12, 2), elements=st.floats(-1e6, 1e6)),
    hnp.arrays(float, (12, 2), elements=st.floats(-1e6, 1e6)),
)
def test_weights_are_never_negative_and_sum_to_one(answers: Any, truth: Any) -> None:
    panel = panel_of(answers, truth)
    for weigher in (*ways("regression").values(), combining.by_least_squares(combining.shared_least_squares)):
        weights = weigher(panel, [0, 1, 2, 3])
        assert (weights >= 0).all()
        np.testing.assert_allclose(weights.sum(axis=0), 1.0, atol=1e-9)


def test_a_mean_of_kinds_takes_the_best_of_each() -> None:
    truth, error = np.random.default_rng(5).normal(size=(2, 400, 1))
    answers = np.stack([truth + error, truth + 1.01 * error, truth - 1.1 * error, truth - 1.2 * error])
    panel = panel_of(answers, truth, kinds="aabb")
    for count in (2, 3):
        np.testing.assert_allclose(combining.mean_of_kinds(count)(panel, [0])[:, 0], [0.5, 0, 0.5, 0])


def test_one_of_another_kind_is_selected_before_copies_of_the_best() -> None:
    """Copies of the best model only repeat its error; a worse one that errs the other way mends it."""
    truth, error = np.random.default_rng(5).normal(size=(2, 400, 1))
    likes = [truth + error * (1 + 0.01 * place) for place in range(3)]
    panel = panel_of(np.stack([*likes, truth - 1.1 * error]), truth)
    scored = {way: panel.judged(Making(weigher))["rmse"] for way, weigher in ways("regression").items()}
    assert scored["2 selected"] < 0.1
    assert min(scored["best"], scored["mean of 2"], scored["mean of 3"]) > 0.9
    np.testing.assert_allclose(combining.selected(2)(panel, [0, 1])[:, 0], [0.5, 0, 0, 0.5])


def test_what_is_selected_follows_the_metric() -> None:
    """The partner with rare great errors is the better one by the median, the other one by squares."""
    rng = np.random.default_rng(5)
    truth, error = np.zeros((400, 1)), rng.choice([-1.0, 1.0], size=(400, 1))
    rare = np.where(np.arange(400)[:, None] % 10 == 0, 30.0, -error)
    answers = np.stack([truth + error, truth + rare, truth - 0.5 * error])
    chosen = {metric: combining.selected(2)(panel_of(answers, truth, metric=metric), [0, 1]) for metric in METRICS}
    np.testing.assert_allclose(chosen["median_ae"][:, 0], [0.5, 0.5, 0])
    np.testing.assert_allclose(chosen["rmse"][:, 0], [0.5, 0, 0.5])


def test_selection_looks_at_no_other_fold() -> None:
    truth, error = np.random.default_rng(5).normal(size=(2, 400, 1))
    answers = np.stack([truth + error, truth - error, truth + 0.9 * error])
    panel = panel_of(answers, truth)
    panel.answers[3][1] = 1e9
    np.testing.assert_allclose(combining.selected(2)(panel, [0, 1, 2])[:, 0], [0.5, 0.5, 0])
    np.testing.assert_allclose(combining.selected(2)(panel, [0, 1, 2, 3])[:, 0], [0.5, 0, 0.5])


def test_each_target_has_weights_of_its_own() -> None:
    truth = RNG.normal(size=(200, 2))
    noise = RNG.normal(size=(200, 2))
    answers = np.stack([truth + noise * [0, 1], truth + noise * [1, 0]])
    np.testing.assert_allclose(combining.least_squares(answers, truth), np.eye(2), atol=1e-6)


def test_two_models_with_errors_of_their_own_are_better_together() -> None:
    truth = RNG.normal(size=(800, 1))
    answers = np.stack([truth + RNG.normal(size=truth.shape) for _ in range(2)])
    panel = panel_of(answers, truth)
    alone, both = (panel.judged(Making(ways("regression")[way]))["rmse"] for way in ("best", "mean of 2"))
    assert both < 0.8 * alone


def test_a_combination_is_judged_on_rows_that_its_weights_did_not_see() -> None:
    """Models of noise: weights fitted to the rows they are judged on would look better than the mean alone."""
    truth = RNG.normal(size=(60, 1))
    answers = np.concatenate([np.zeros((1, 60, 1)), RNG.normal(size=(20, 60, 1)) * 0.5])
    panel = panel_of(answers, truth)
    squares, alone = (
        Making(combining.by_least_squares(combining.least_squares)),
        panel.judged(Making(combining.first))["rmse"],
    )
    every = [0, 1, 2, 3]
    made = panel.made(squares)
    own = np.mean([np.sqrt(np.mean((made.outputs(panel.answers[f]) - panel.truth[f]) ** 2)) for f in every])
    assert own < alone < panel.judged(squares)["rmse"]


def overconfident(rows: int = 3000, classes: int = 3) -> tuple[Any, Any]:
    logits = RNG.normal(size=(rows, classes))
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    actual = np.array([RNG.multinomial(1, share) for share in shares]).astype(float)
    bold = shares**3
    return bold / bold.sum(axis=1, keepdims=True), actual


def test_calibration_finds_the_temperature_and_lowers_both_losses() -> None:
    bold, actual = overconfident()
    found = calibrate(bold, actual)
    assert found.scale == pytest.approx(1 / 3, abs=0.03)
    assert log_loss(found.applied(bold), actual) < log_loss(bold, actual)
    assert brier(found.applied(bold), actual) < brier(bold, actual)


@examples(40)
@given(
    hnp.arrays(float, (7, 3), elements=st.floats(0, 1)),
    st.floats(0.05, 20),
    hnp.arrays(float, 3, elements=st.floats(-5, 5)),
)
def test_mended_probabilities_are_probabilities(raw: Any, scale: float, bias: Any) -> None:
    shares = (raw + 1e-9) / (raw + 1e-9).sum(axis=1, keepdims=True)
    made = mended(shares, scale, bias)
    assert np.isfinite(made).all()
    np.testing.assert_allclose(made.sum(axis=1), 1.0, atol=1e-9)
    order = np.argsort(mended(shares, scale, np.zeros(3)), axis=1, kind="stable")
    same = np.take_along_axis(shares, order, axis=1)
    assert (np.diff(same, axis=1) >= -1e-9).all(), "a temperature alone keeps the order of the classes"


def test_priorities_help_a_rare_class() -> None:
    is_rare = RNG.random(4000) < 0.1
    second = np.clip(0.12 + 0.2 * is_rare + RNG.normal(0, 0.08, 4000), 0.01, 0.99)
    shares, actual = np.column_stack([1 - second, second]), np.column_stack([~is_rare, is_rare]).astype(float)
    found = deciding.priorities(shares, actual, "f1_macro")
    plain, better = (deciding.score(shares, actual, one, "f1_macro") for one in (np.ones(2), found))
    assert better > plain + 0.2
    threshold = found[0] / found.sum()
    assert 0.15 < threshold < 0.35


@pytest.mark.parametrize("metric", sorted(deciding.SERVED))
def test_the_score_of_priorities_is_scikit_learns(metric: str) -> None:
    from sklearn import metrics as known

    shares = RNG.dirichlet(np.ones(3), 300)
    truth = RNG.integers(0, 3, 300)
    said = np.argmax(shares * [0.2, 0.5, 0.3], axis=1)
    name = metric.removesuffix("_macro")
    expected = (
        known.balanced_accuracy_score(truth, said)
        if metric == "balanced_accuracy"
        else getattr(known, f"{name}_score")(truth, said, average="macro", zero_division=0)
    )
    found = deciding.score(shares, np.eye(3)[truth], np.array([0.2, 0.5, 0.3]), metric)
    assert found == pytest.approx(expected)
