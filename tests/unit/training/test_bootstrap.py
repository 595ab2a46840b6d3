"""The paired bootstrap: blocks for rows in time, every deciding metric, and how often equal models look different."""

from __future__ import annotations

import numpy as np
import pytest

from millrace.spec.models import PipelineSpec
from millrace.stages.metrics.improvement import improvement
from millrace.stages.metrics.scoring import Answer, block_rows, bootstrap, metrics

SPEC = PipelineSpec.model_validate(
    {
        "name": "co",
        "source": {"type": "sample", "name": "air_quality"},
        "task": "regression",
        "target": "y",
        "candidates": [{"estimator": "ridge"}],
    }
)


def walk(rng: np.random.Generator, rows: int, memory: float) -> np.ndarray:
    """Errors of which each remembers the one before it."""
    steps, found = rng.normal(size=rows), np.zeros(rows)
    for place in range(1, rows):
        found[place] = memory * found[place - 1] + steps[place]
    return found


@pytest.mark.parametrize(("memory", "block"), [(0.0, 1), (0.8, 12)])
def test_of_equal_models_few_seem_surely_better(memory: float, block: int) -> None:
    found = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        truth = np.zeros(400)
        answers = {name: Answer(walk(rng, 400, memory)) for name in ("one", "other")}
        samples = bootstrap("regression", truth, answers, seed, block=block)
        gain = improvement(SPEC, samples["one"]["rmse"], samples["other"]["rmse"], (0.0, 0.0))
        assert gain is not None
        found += gain.low > 0
    assert found <= 6  # 2.5 % of 60 are 1.5; errors with a memory need blocks to come near


def test_single_rows_would_be_too_sure_of_errors_with_a_memory() -> None:
    widths = []
    for block in (1, 12):
        rng = np.random.default_rng(0)
        samples = bootstrap("regression", np.zeros(400), {"one": Answer(walk(rng, 400, 0.9))}, 0, block=block)
        widths.append(np.ptp(np.percentile(samples["one"]["rmse"], [2.5, 97.5])))
    assert widths[1] > 1.4 * widths[0]


def test_metrics_that_are_no_sums_have_resamples_too() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 200)
    shares = np.clip(truth * 0.3 + rng.random((200,)) * 0.7, 0, 1)
    probabilities = np.column_stack([1 - shares, shares])
    given = Answer(np.array([0, 1])[probabilities.argmax(axis=1)], probabilities, np.array([0, 1]))
    values = bootstrap("classification", truth, {"one": given}, 0, metric="roc_auc")["one"]["roc_auc"]
    assert np.percentile(values, 2.5) < metrics("classification", truth, given)["roc_auc"] < np.percentile(values, 97.5)
    numbers = Answer(rng.normal(size=200))
    assert np.isfinite(
        bootstrap("regression", np.zeros(200), {"a": numbers}, 0, metric="median_ae")["a"]["median_ae"]
    ).all()


def test_blocks_grow_with_the_rows_that_follow_one_another() -> None:
    assert [block_rows(rows, in_time=True) for rows in (27, 1_000, 8_000)] == [3, 10, 20]
    assert block_rows(8_000, in_time=False) == 1


def test_the_improvement_is_above_zero_where_the_challenger_is_better() -> None:
    better = improvement(SPEC, np.array([1.0, 1.1]), np.array([2.0, 2.1]), (1.0, 2.0))
    assert better is not None
    assert (better.value, better.low, better.high) == pytest.approx((1.0, 1.0, 1.0))
    assert improvement(SPEC, None, np.array([1.0]), (1.0, 1.0)) is None
