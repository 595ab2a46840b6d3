"""From a candidate to a fitted model, on tables made here: every kind of search, and its compiled form."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import psutil
import pytest

from millrace.compiled.form import compiled_form
from millrace.errors import NotFoundError, TrainingError
from millrace.spec.models import PipelineSpec
from millrace.stages.material.held_out import Material
from millrace.stages.material.splitting import held_out
from millrace.stages.material.training_table import training_table
from millrace.stages.search.champion import champion_params
from millrace.stages.search.learning import Learnt, learn
from millrace.stores.model_format import model_bytes, model_from_bytes

QUICK = ["ridge", "k_neighbors"]


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process: starting others takes longer than such searches."""
    monkeypatch.setenv("MILLRACE_TRAIN_THREADS", "1")


def table(rows: int = 240) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    frame = pd.DataFrame(
        {
            "at": pd.date_range("2024-01-01", periods=rows, freq="h", tz="UTC"),
            "heat": rng.normal(20, 5, rows),
            "flow": rng.normal(size=rows),
            "sky": rng.choice(["clear", "rain"], rows),
        }
    )
    frame.loc[::9, "flow"] = np.nan
    frame["load"] = 2 * frame["heat"] + 5 * (frame["sky"] == "rain") + rng.normal(0, 1, rows)
    frame["half"] = frame["load"] / 2 + rng.normal(0, 1, rows)
    frame["level"] = np.where(frame["load"] > frame["load"].quantile(0.85), "high", "low")
    return frame


def gappy(rows: int = 600) -> pd.DataFrame:
    """Two columns that tell the same; in a third of the rows one of them is missing."""
    rng = np.random.default_rng(7)
    level = rng.normal(size=rows)
    frame = pd.DataFrame({"at": pd.date_range("2024-01-01", periods=rows, freq="h", tz="UTC"), "a": level, "b": -level})
    frame["load"] = 3 * level + rng.normal(0, 0.1, rows)
    frame.loc[rng.random(rows) < 0.33, "a"] = np.nan
    return frame


def learnt(drop: list[str], **parts: Any) -> tuple[Learnt, Material]:
    return learnt_from(table().drop(columns=drop), **parts)


def learnt_from(frame: pd.DataFrame, **parts: Any) -> tuple[Learnt, Material]:
    document = {
        "name": "x",
        "source": {"type": "sample", "name": "air_quality"},
        "task": "regression",
        "target": "load",
        "split": {"by": "time", "column": "at", "folds": 3},
        **parts,
    }
    spec = PipelineSpec.model_validate(document)
    rows = training_table(frame, spec, lambda _: None)
    train, test = held_out(rows, spec.splitting, stratify=spec.task == "classification")
    found = Material(spec, rows, train, test)
    registry = SimpleNamespace(champion=lambda _: None)
    context: Any = SimpleNamespace(spec=spec, warn=lambda _: None, registry=registry, runs=None)
    return learn(context, found, spec.candidates[0]), found


def auto(*names: str) -> list[dict[str, Any]]:
    return [{"estimator": "auto", "estimators": list(names)}]


def check_answers(found: Learnt, rows: Material) -> None:
    """Stored, compiled or as it is: the same answers."""
    inputs, _ = rows.testing()
    stored = model_from_bytes(model_bytes(found.model), "x")
    np.testing.assert_array_equal(stored.predict(inputs), found.model.predict(inputs))
    report = compiled_form(stored, inputs).report
    assert report.status == "compiled", report.reason


def test_auto_combines_what_it_found_and_says_how() -> None:
    found, rows = learnt(["half", "level"], candidates=auto(*QUICK, "elastic_net"), search={"trials": 6})
    assert sum(member["weight"] for member in found.params["members"]) == pytest.approx(1)
    assert found.report["trials"] == 6
    assert set(found.report["combinations"]) >= {"best", "mean of 2", "least squares"}
    assert found.metrics["rmse"] <= found.report["best_trials"][0]["rmse"] + 1e-9
    assert rows.score(found.model)[0]["rmse"] < 2
    check_answers(found, rows)


def test_auto_for_classes_mends_probabilities_and_chooses_a_threshold() -> None:
    found, rows = learnt(
        ["half", "load"],
        task="classification",
        target="level",
        candidates=auto("logistic_regression", "k_neighbors"),
        search={"trials": 3, "threshold": "on", "calibration": "on"},
    )
    assert {"before", "after", "applied"} <= set(found.report["calibration"])
    assert {"log_loss", "brier"} == set(found.report["calibration"]["before"])
    threshold = found.report["threshold"]
    assert (threshold["after"] > threshold["before"]) == threshold["applied"]
    check_answers(found, rows)


def test_a_threshold_is_served_alike_compiled_or_not() -> None:
    from millrace.compiled.convert import convert
    from millrace.compiled.session import CompiledModel
    from millrace.features.columns import columns_from_frame

    found, rows = learnt(
        ["half", "load"], task="classification", target="level", candidates=auto("logistic_regression", "k_neighbors"),
        search={"trials": 2, "ensemble": "off", "calibration": "on"},
    )  # fmt: skip
    blend = found.model[-1]
    blend.set_params(priorities=np.array([0.9, 0.1]), scale=0.5, bias=np.array([0.3, -0.3]))
    inputs, _ = rows.testing()
    shares = found.model.predict_proba(inputs)
    said = found.model.predict(inputs)
    assert (said == np.where(shares[:, 1] * 0.1 > shares[:, 0] * 0.9, "low", "high")).all()
    compiled = CompiledModel(convert(found.model), found.model[0])
    answer = compiled.answer(columns_from_frame(inputs, found.model[0].inputs_))
    assert (blend.classes_[answer.positions] == said).all()
    np.testing.assert_allclose(answer.shares, shares, atol=1e-12)


def test_two_targets_are_weighed_each_by_itself() -> None:
    found, rows = learnt(["level"], target=["load", "half"], candidates=auto(*QUICK, "linear"), search={"trials": 3})
    assert {"rmse:load", "rmse:half"} <= set(found.metrics)
    assert found.model.predict(rows.testing()[0]).shape[1] == 2
    check_answers(found, rows)


def test_a_stack_keeps_its_members() -> None:
    stack = {"estimator": "stacking", "members": ["ridge", {"estimator": "k_neighbors", "params": {"n_neighbors": 7}}]}
    found, rows = learnt(["half", "level"], candidates=[stack])
    assert found.report["combined"] == "least squares"
    assert found.report["trials"] == 2
    assert found.params["members"][0]["estimator"] == "1-ridge"
    check_answers(found, rows)


def test_auto_clusters() -> None:
    found, _ = learnt(
        ["half", "level", "load"], task="clustering", target=None, candidates="auto", search={"trials": 4}, split=None
    )
    assert 2 <= found.params["n_clusters"] <= 12
    assert len(found.trials) == 4


def test_a_plain_candidate_may_be_calibrated() -> None:
    found, rows = learnt(
        ["half", "load"], task="classification", target="level",
        candidates=[{"estimator": "logistic_regression", "params": {"C": 3.0}}], search={"calibration": "on"},
    )  # fmt: skip
    assert found.params == {"C": 3.0}
    assert found.report["calibration"]["after"]["log_loss"] > 0
    check_answers(found, rows)


def is_worker(process: psutil.Process) -> bool:
    return "--process-name" in process.cmdline() and process.status() != psutil.STATUS_ZOMBIE


def test_processes_find_what_this_process_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("millrace.stages.search.cost.WORTH_A_PROCESS", 0.0)
    monkeypatch.setenv("MILLRACE_TRAIN_THREADS", "2")
    stack = {"candidates": auto("ridge", "k_neighbors"), "search": {"trials": 2, "seconds": 300}}
    side_by_side, rows = learnt(["half", "level"], **stack)
    assert side_by_side.report["processes"] == 2
    assert not [
        child for child in psutil.Process().children() if "loky" in " ".join(child.cmdline()) and is_worker(child)
    ]
    monkeypatch.setenv("MILLRACE_TRAIN_THREADS", "1")
    alone, _ = learnt(["half", "level"], **stack)
    assert alone.report["processes"] == 1
    assert side_by_side.metrics == pytest.approx(alone.metrics)
    inputs, _ = rows.testing()
    np.testing.assert_allclose(side_by_side.model.predict(inputs), alone.model.predict(inputs), rtol=1e-9)


def test_an_estimator_that_cannot_do_the_task_is_named() -> None:
    with pytest.raises(TrainingError, match="auto cannot choose svr: it cannot do a classification"):
        learnt(["half", "load"], task="classification", target="level", candidates=auto("svr"))
    members = [{"estimator": "stacking", "members": ["ridge", "logistic_regression"]}]
    with pytest.raises(TrainingError, match="logistic_regression, which cannot do a regression"):
        learnt(["half", "level"], candidates=members)


def test_a_search_whose_trials_all_fail_says_why() -> None:
    bad = [{"estimator": "ridge", "search": {"alpha": [-9.0, -1.0]}, "trials": 3}]
    with pytest.raises(TrainingError, match=r"All 3 trials of the candidate 'ridge' failed.*alpha"):
        learnt(["half", "level"], candidates=bad)


def context_with(params: dict[str, Any], label: str = "auto") -> Any:
    version = SimpleNamespace(tags={"millrace.candidate": label}, run_id="r")
    record = {"stages": {f"train:{label}": {"output": {"params": params}}}}
    search = SimpleNamespace(warm_start=True)
    return SimpleNamespace(
        spec=SimpleNamespace(name="x", search=search),
        registry=SimpleNamespace(champion=lambda _: version),
        runs=SimpleNamespace(get_run=lambda _: record),
    )


def test_a_search_begins_with_the_champions_parameters() -> None:
    assert champion_params(context_with({"alpha": 2.0}, "ridge")) == {"ridge": [{"alpha": 2.0}]}
    members = [{"estimator": "xgboost", "params": {"max_depth": d}, "weight": 0.5} for d in (3, 4)]
    known = champion_params(context_with({"combined": "mean of 2", "members": members}))
    assert known == {"xgboost": [{"max_depth": 3}, {"max_depth": 4}]}


def test_a_champion_whose_run_is_gone_is_no_hindrance() -> None:
    def gone(_: str) -> Any:
        raise NotFoundError("There is no run 'r'.")

    context = context_with({})
    context.runs.get_run = gone
    assert champion_params(context) == {}


def test_a_worker_that_is_killed_is_told_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed for real, as the system does it where memory runs out."""
    from millrace.stages.search.running import result_of
    from millrace.stages.search.workbench import Workbench
    from millrace.stages.search.workers import workers

    monkeypatch.setenv("MILLRACE_TRAIN_THREADS", "2")
    _, rows = learnt(["half", "level"], candidates=[{"estimator": "ridge"}])
    bench = Workbench(rows.table, rows.train, rows.folds(), [], None)
    with workers(bench, side_by_side=True) as busy:
        assert len(busy.submit("truth", 0).result()) == len(rows.folds()[0][1])
        children = [child for child in psutil.Process().children() if is_worker(child)]
        assert len(children) == 2
        for child in children:
            child.suspend()
        pending = busy.submit("truth", 0)
        for child in children:
            child.kill()
        with pytest.raises(TrainingError, match="A process of the search was killed"):
            result_of(pending)


def test_trees_are_tried_with_guessed_gaps_too_where_there_are_gaps() -> None:
    found, rows = learnt(["half", "level"], candidates=auto("hist_gradient_boosting"), search={"trials": 2})
    assert {trial.entry.label for trial in found.trials} == {
        "hist_gradient_boosting",
        "hist_gradient_boosting_filled",
    }
    check_answers(found, rows)


def test_without_gaps_there_is_nothing_to_fill() -> None:
    found, _ = learnt(["half", "level", "flow"], candidates=auto("hist_gradient_boosting"), search={"trials": 2})
    assert {trial.entry.label for trial in found.trials} == {"hist_gradient_boosting"}


def test_the_guess_finds_what_a_gap_hides() -> None:
    """Each of two columns tells the other: with both ways on offer, the one that sees through gaps is chosen."""
    search = {"trials": 4, "ensemble": "off"}
    found, _ = learnt_from(gappy(), candidates=auto("extra_trees"), search=search)
    assert found.params["members"][0]["estimator"] == "extra_trees_filled"
