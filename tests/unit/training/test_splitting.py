"""Held-out rows and folds: disjoint, repeatable, true to time, groups and classes; and what cannot be learnt from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st

from millrace.errors import TrainingError
from millrace.spec.models import PipelineSpec
from millrace.stages.material.splitting import folds, held_out
from millrace.stages.material.training_table import TrainingTable, training_table


def spec_of(**parts: Any) -> PipelineSpec:
    base = {
        "name": "x",
        "source": {"type": "sample", "name": "air_quality"},
        "task": "regression",
        "target": "y",
        "candidates": [{"estimator": "dummy"}],
        "split": {"by": "random"},
    }
    return PipelineSpec.model_validate({**base, **parts})


def frame_of(rows: int, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "t": pd.date_range("2024-01-01", periods=rows, freq="h").to_numpy()[rng.permutation(rows)],
            "x": rng.normal(size=rows),
            "station": rng.choice(list("abcdefgh"), rows),
            "y": rng.normal(size=rows),
            "label": rng.choice(["p", "q", "r"], rows, p=[0.6, 0.3, 0.1]),
        }
    )


def quiet(_: str) -> None:
    return


def table_of(spec: PipelineSpec, frame: pd.DataFrame) -> TrainingTable:
    return training_table(frame, spec, quiet)


@examples(25)
@given(st.integers(60, 300), st.sampled_from(["time", "random", "group"]), st.floats(0.1, 0.4), st.integers(0, 5))
def test_rows_are_split_once_and_folds_lie_in_the_training_rows(rows: int, by: str, share: float, seed: int) -> None:
    column = {"time": "t", "group": "station", "random": None}[by]
    spec = spec_of(split={"by": by, "test": share, "column": column, "seed": seed})
    table = table_of(spec, frame_of(rows, seed))
    train, test = held_out(table, spec.splitting, stratify=False)
    assert sorted([*train, *test]) == list(range(rows))
    if by != "group":
        assert len(test) == round(share * rows)
    made = folds(table, train, spec.splitting, stratify=False)
    assert len(made) >= 2
    for fit, check in made:
        assert len(fit) > 0
        assert len(check) > 0
        assert not set(fit) & set(check)
        assert set(fit) | set(check) <= set(train)


def test_time_is_never_seen_before_it_comes() -> None:
    spec = spec_of(split={"by": "time", "column": "t"})
    frame = frame_of(200)
    table = table_of(spec, frame)
    train, test = held_out(table, spec.splitting, stratify=False)
    assert frame["t"].iloc[train].max() < frame["t"].iloc[test].min()
    for fit, check in folds(table, train, spec.splitting, stratify=False):
        assert frame["t"].iloc[fit].max() < frame["t"].iloc[check].min()
        assert len(fit) >= len(train) // 2


@examples(25)
@given(st.integers(60, 200), st.integers(2, 40), st.floats(0.1, 0.5))
def test_rows_of_one_time_stay_on_one_side(rows: int, days: int, share: float) -> None:
    spec = spec_of(split={"by": "time", "column": "t", "test": share})
    frame = frame_of(rows).assign(t=pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(rows) % days, unit="D"))
    table = table_of(spec, frame)
    train, test = held_out(table, spec.splitting, stratify=False)
    assert frame["t"].iloc[train].max() < frame["t"].iloc[test].min()
    assert abs(len(test) - share * rows) <= rows / days + 2
    for fit, check in folds(table, train, spec.splitting, stratify=False) if days > 5 else []:
        assert frame["t"].iloc[fit].max() < frame["t"].iloc[check].min()


def test_rows_of_a_single_time_have_no_later_ones() -> None:
    spec = spec_of(split={"by": "time", "column": "t"})
    with pytest.raises(TrainingError, match="have the same time"):
        held_out(table_of(spec, frame_of(60).assign(t=pd.Timestamp("2024-01-01"))), spec.splitting, stratify=False)


def test_groups_stay_together_and_are_no_input() -> None:
    spec = spec_of(split={"by": "group", "column": "station"})
    frame = frame_of(200)
    table = table_of(spec, frame)
    assert "station" not in table.inputs
    train, test = held_out(table, spec.splitting, stratify=False)
    assert not set(frame["station"].iloc[train]) & set(frame["station"].iloc[test])
    for fit, check in folds(table, train, spec.splitting, stratify=False):
        assert not set(frame["station"].iloc[fit]) & set(frame["station"].iloc[check])


def test_a_random_split_survives_a_new_order_and_keeps_equal_rows_together() -> None:
    spec = spec_of()
    frame = frame_of(150)
    doubled = pd.concat([frame, frame], ignore_index=True)
    table = table_of(spec, doubled)
    train, test = held_out(table, spec.splitting, stratify=False)
    assert not set(train % 150) & set(test % 150)
    shuffled = frame.sample(frac=1, random_state=4)
    first = frame["x"].iloc[held_out(table_of(spec, frame), spec.splitting, stratify=False)[1]]
    second = shuffled["x"].iloc[held_out(table_of(spec, shuffled), spec.splitting, stratify=False)[1]]
    assert set(first) == set(second)


def test_each_class_is_held_out_in_its_share() -> None:
    spec = spec_of(task="classification", target="label")
    frame = frame_of(400)
    table = table_of(spec, frame)
    train, test = held_out(table, spec.splitting, stratify=True)
    for label, count in frame["label"].value_counts().items():
        assert abs((table.target[test] == label).sum() - 0.2 * count) <= 1
    for fit, check in folds(table, train, spec.splitting, stratify=True):
        assert set(table.target[fit]) == set(table.target[check]) == {"p", "q", "r"}


@pytest.mark.parametrize(
    ("change", "parts", "told"),
    [
        (lambda f: f, {"target": "yy"}, "Did you mean 'y'"),
        (lambda f: f.assign(y=None), {}, "empty in all 100 rows"),
        (lambda f: f.head(12), {}, "Only 12 of 12 rows"),
        (lambda f: f.assign(y="warm"), {}, "must be a number, but holds 'warm'"),
        (lambda f: f.assign(y=np.inf), {}, "100 infinite values"),
        (lambda f: f.assign(x=[np.inf, *f["x"][1:]]), {}, "'x' has 1 infinite"),
        (lambda f: f.assign(label="p"), {"task": "classification", "target": "label"}, "one class only, p"),
        (lambda f: f, {"task": "classification", "target": "x"}, "100 classes in 100 rows"),
        (lambda f: f.drop(columns="t"), {"split": {"by": "time", "column": "t"}}, "'t' \\(split.by: time\\)"),
        (lambda f: f.assign(t="noon"), {"split": {"by": "time", "column": "t"}}, "such as 'noon'"),
        (lambda f: f[["y"]], {}, "no column beside the target"),
    ],
)
def test_what_cannot_be_learnt_from_is_said_in_one_sentence(change: Any, parts: dict[str, Any], told: str) -> None:
    with pytest.raises(TrainingError, match=told):
        table_of(spec_of(**parts), change(frame_of(100)))


def test_a_rare_class_and_a_lonely_group_are_refused() -> None:
    spec = spec_of(task="classification", target="label")
    rare = frame_of(100).assign(label=["rare", "rare", *["p", "q"] * 49])
    with pytest.raises(TrainingError, match="class rare has 2 training rows, fewer than the 5 folds"):
        held_out(table_of(spec, rare), spec.splitting, stratify=True)
    grouped = spec_of(split={"by": "group", "column": "station"})
    with pytest.raises(TrainingError, match="has 1 groups"):
        held_out(table_of(grouped, frame_of(100).assign(station="a")), grouped.splitting, stratify=False)


def test_rows_without_target_or_time_are_counted() -> None:
    heard: list[str] = []
    frame = frame_of(100)
    frame.loc[:9, "y"] = None
    frame.loc[10:11, "t"] = None
    table = training_table(frame, spec_of(split={"by": "time", "column": "t"}), heard.append)
    assert (len(table), table.dropped) == (88, 12)
    assert len(heard) == 2


@pytest.mark.parametrize(
    ("labels", "kind"), [([1, 2], "int64"), ([1.0, 2.0], "int64"), ([True, False], "bool"), (["a", "b"], "object")]
)
def test_labels_keep_their_type(labels: list[Any], kind: str) -> None:
    frame = frame_of(100).assign(label=labels * 50)
    table = table_of(spec_of(task="classification", target="label"), frame)
    assert table.target is not None
    assert table.target.dtype == kind


def test_rows_that_are_alike_are_said_to_be_so() -> None:
    """Two different rows, many times each: one is held out, and the other one cannot be split any further."""
    frame = frame_of(60)[["x", "y"]].assign(x=np.arange(60) % 2)
    spec = spec_of()
    table = table_of(spec, frame)
    train, _ = held_out(table, spec.splitting, stratify=False)
    with pytest.raises(TrainingError, match="30 training rows differ too little to be dealt into folds"):
        folds(table, train, spec.splitting, stratify=False)
