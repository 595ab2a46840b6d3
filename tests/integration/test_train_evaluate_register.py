"""From a transformed table to a champion, on the embedded MongoDB and S3 and on MLflow's own store."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from millrace.errors import TrainingError
from millrace.run_summary import run_summary
from millrace.settings import Settings
from millrace.spec.models import PipelineSpec
from millrace.stages.base import RunContext
from millrace.stages.evaluate import evaluate
from millrace.stages.outputs import Evaluated, Registered, Trained, Transformed
from millrace.stages.register import register
from millrace.stages.search.champion import champion_params
from millrace.stages.train import train
from millrace.stages.training.candidates import all_candidates
from millrace.stores.artifacts import S3ArtifactStore
from millrace.stores.base import CACHE_TAG
from millrace.stores.model_registry import MlflowRegistry
from millrace.stores.runs import MongoRunStore

pytestmark = pytest.mark.integration
SOURCE = {"type": "sample", "name": "air_quality"}


def weather(rows: int = 400, slope: float = 2.0, seed: int = 0) -> pd.DataFrame:
    """A table with a number that misses values, a whole number, a text, a flag and a time."""
    rng = np.random.default_rng(seed)
    heat = rng.normal(20, 5, rows)
    frame = pd.DataFrame(
        {
            "at": pd.date_range("2024-01-01", periods=rows, freq="h", tz="UTC"),
            "heat": np.where(rng.random(rows) < 0.1, np.nan, heat),
            "count": rng.integers(0, 9, rows),
            "sky": rng.choice(["clear", "cloudy", "rain"], rows),
            "holiday": rng.random(rows) < 0.2,
        }
    )
    frame["load"] = slope * heat + frame["count"] + 5 * (frame["sky"] == "rain") + rng.normal(0, 1, rows)
    frame["level"] = np.where(frame["load"] > frame["load"].median(), "high", "low")
    return frame


def spec_of(**parts: Any) -> PipelineSpec:
    document = {
        "name": "weather",
        "source": SOURCE,
        "task": "regression",
        "target": "load",
        "split": {"by": "time", "column": "at"},
        "features": [{"step": "calendar", "column": "at", "parts": ["hour"]}],
        "candidates": [{"estimator": "ridge"}],
        "promotion": {"limit": 50},
    }
    return PipelineSpec.model_validate({**document, **parts})


class Bench:
    """One installation on which runs are made."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.runs, self.artifacts = MongoRunStore(settings), S3ArtifactStore(settings)
        self.registry = MlflowRegistry(settings)
        self.count = 0

    def open(self, spec: PipelineSpec, frame: pd.DataFrame) -> tuple[RunContext, Transformed]:
        self.count += 1
        run_id = f"{spec.name}--{self.count}"
        self.runs.create_run({"_id": run_id, "pipeline": spec.name, "status": "queued", "stages": {}})
        context = RunContext(run_id, spec, "spec-1", self.runs, self.artifacts, self.registry)
        return context, Transformed(dataset=self.artifacts.write_dataset(spec.name, [frame]))

    def run(self, spec: PipelineSpec, frame: pd.DataFrame) -> tuple[RunContext, list[Trained], Evaluated, Registered]:
        context, table = self.open(spec, frame)
        trained = [train(context, table, label) for label in all_candidates(spec)]
        evaluated = evaluate(context, table, trained)
        return context, trained, evaluated, register(context, table, trained, evaluated)


@pytest.fixture
def bench(settings: Settings) -> Bench:
    return Bench(settings)


def warnings_of(context: RunContext) -> list[str]:
    stages = context.runs.get_run(context.run_id)["stages"].values()
    return [sentence for stage in stages for sentence in stage["warnings"]]


def test_a_run_ends_with_a_champion_that_answers(bench: Bench) -> None:
    spec = spec_of(candidates=[{"estimator": "ridge"}, {"estimator": "random_forest", "params": {"n_estimators": 20}}])
    frame = weather()
    frame.loc[3, "load"] = None
    context, trained, evaluated, registered = bench.run(spec, frame)
    assert [one.candidate for one in trained] == ["ridge", "random_forest", "baseline"]
    assert trained[0].rows == {"train": 319, "test": 80, "dropped": 1}
    assert evaluated.best == "ridge"
    assert registered.promoted, registered.reason
    assert registered.model_version == "1"
    low, high = evaluated.candidates[0]["intervals"]["rmse"]
    assert low < evaluated.candidates[0]["metrics"]["rmse"] < high
    for uri in evaluated.plots.values():
        assert bench.artifacts.get_bytes(uri).startswith(b"\x89PNG")
    assert set(evaluated.plots) == {"residuals", "residuals_over_time", "importance"}
    champion = bench.registry.champion("weather")
    assert champion is not None
    assert champion.run_id == context.run_id
    assert champion.tags["millrace.dataset_version"]
    predictions = bench.registry.load(champion).predict(frame)
    assert np.corrcoef(predictions[330:], frame["load"][330:])[0, 1] > 0.9
    assert any("1 of 400 rows have no load" in sentence for sentence in warnings_of(context))


def test_the_files_of_a_version_say_what_it_takes(bench: Bench, tmp_path: Any) -> None:
    import json

    from mlflow.models import Model

    bench.run(spec_of(), weather())
    champion = bench.registry.champion("weather")
    bench.registry.download(champion, tmp_path)
    described = Model.load(str(tmp_path / "MLmodel"))
    inputs = {column.name: (column.type.name, column.required) for column in described.signature.inputs.inputs}
    assert inputs == {
        "at": ("datetime", True),
        "heat": ("double", False),
        "count": ("long", True),
        "sky": ("string", True),
        "holiday": ("boolean", True),
    } | ({} if "level" not in inputs else {"level": ("string", True)})
    assert described.metadata["targets"] == ["load"]
    example = json.loads((tmp_path / "input_example.json").read_text())
    assert set(example["columns"]) == set(inputs)
    assert (tmp_path / "model.skops").stat().st_size > 1000


def test_a_version_carries_its_compiled_form_and_the_report(bench: Bench, tmp_path: Any) -> None:
    from millrace.compiled.form import CompiledReport

    context, _, _, registered = bench.run(spec_of(), weather())
    champion = bench.registry.champion("weather")
    bench.registry.download(champion, tmp_path)
    report = CompiledReport.model_validate_json((tmp_path / "compiled.json").read_text())
    assert (report.status, report.rows) == ("compiled", 80 + 80)
    assert report.largest_relative_difference < 1e-9
    assert (tmp_path / "model.onnx").stat().st_size > 500
    assert champion.tags["millrace.compiled"] == "compiled"
    assert registered.compiled == report.model_dump()
    assert run_summary(context.runs.get_run(context.run_id))["compiled"] == registered.compiled


def test_the_same_run_again_registers_nothing_new(bench: Bench) -> None:
    spec, frame = spec_of(), weather()
    context, table = bench.open(spec, frame)
    trained = [train(context, table, label) for label in all_candidates(spec)]
    evaluated = evaluate(context, table, trained)
    first = register(context, table, trained, evaluated)
    again = register(context, table, trained, evaluated)
    assert (first.model_version, again.model_version) == ("1", "1")
    assert first.promoted
    assert again.promoted
    assert len(bench.registry.versions("weather")) == 1


def test_a_killed_registration_leaves_one_version_after_the_retry(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec, frame = spec_of(), weather()
    context, table = bench.open(spec, frame)
    trained = [train(context, table, label) for label in all_candidates(spec)]
    evaluated = evaluate(context, table, trained)

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(bench.registry, "set_alias", killed)
        with pytest.raises(KeyboardInterrupt):
            register(context, table, trained, evaluated)
    assert bench.registry.champion("weather") is None
    assert register(context, table, trained, evaluated).promoted
    assert [version.version for version in bench.registry.versions("weather")] == ["1"]


def test_an_unchanged_candidate_is_reused_and_is_the_champion_itself(bench: Bench) -> None:
    spec, frame = spec_of(), weather()
    _, first, _, _ = bench.run(spec, frame)
    context, second, _, registered = bench.run(spec, frame)
    assert second[0].model_uri == first[0].model_uri
    assert context.runs.get_run(context.run_id)["stages"]["train:ridge"]["reused"]
    assert registered.model_version == "1"
    assert not registered.promoted
    assert "Nothing new" in registered.reason


def test_a_version_says_how_long_its_answers_count_and_follows_the_spec_without_a_new_fit(bench: Bench) -> None:
    frame = weather()
    for serving, said in ((None, "3600"), ({"cache_seconds": 60}, "60"), ({"cache_seconds": 0}, "0")):
        _, _, _, registered = bench.run(spec_of(**({"serving": serving} if serving else {})), frame)
        assert registered.model_version == "1"
        assert bench.registry.version("weather", "1").tags[CACHE_TAG] == said


def test_a_worse_model_is_kept_but_not_promoted_and_a_better_one_is(bench: Bench) -> None:
    frame = weather()
    weak = {"candidates": [{"estimator": "random_forest", "params": {"n_estimators": 5, "max_depth": 2}}]}
    assert bench.run(spec_of(**weak), frame)[3].promoted
    assert bench.run(spec_of(), frame)[3].promoted
    _, _, evaluated, registered = bench.run(spec_of(**weak), frame)
    assert evaluated.champion["version"] == "2"
    assert evaluated.champion["difference"]["rmse"][0] > 0
    assert not registered.promoted
    assert "is not better than the champion's" in registered.reason
    assert registered.model_version == "1"  # the same rows, learnt in the same way: no new version
    assert len(bench.registry.versions("weather")) == 2
    assert bench.registry.champion("weather").version == "2"
    assert bench.registry.champions("weather") == ["1", "2"]
    bench.registry.set_alias("weather", "champion", "1")
    assert bench.registry.champion("weather").version == "1"


def test_the_limit_and_a_persons_approval(bench: Bench) -> None:
    refused = bench.run(spec_of(promotion={"limit": 0.01}), weather())[3]
    assert not refused.promoted
    assert "misses the limit 0.01" in refused.reason
    waiting = bench.run(spec_of(promotion={"limit": 50, "approval": "human"}), weather())[3]
    assert not waiting.promoted
    assert "millrace models promote weather 1" in waiting.reason
    assert bench.registry.aliases() == {"weather": {"challenger": "1"}}


def test_a_champion_whose_column_is_gone_is_no_hurdle(bench: Bench) -> None:
    bench.run(spec_of(), weather())
    context, _, evaluated, registered = bench.run(spec_of(), weather(seed=1).drop(columns="heat"))
    assert evaluated.champion == {
        "version": "1",
        "metrics": {},
        "intervals": {},
        "difference": {},
        "improvement": None,
    }
    assert registered.promoted
    assert any("version 1, cannot be scored" in sentence and "'heat'" in sentence for sentence in warnings_of(context))


def test_a_champion_that_changed_since_the_comparison_is_met_anew(bench: Bench) -> None:
    weak = spec_of(candidates=[{"estimator": "random_forest", "params": {"n_estimators": 5, "max_depth": 2}}])
    frame = weather()
    context, table = bench.open(weak, frame)
    trained = [train(context, table, label) for label in all_candidates(weak)]
    evaluated = evaluate(context, table, trained)
    assert evaluated.champion is None
    assert bench.run(spec_of(), frame)[3].promoted
    late = register(context, table, trained, evaluated)
    assert not late.promoted
    assert "(version 1)" in late.reason


def test_a_search_leaves_one_run_with_its_trials_however_often_it_is_tried(bench: Bench) -> None:
    from millrace.stores.mlflow_client import mlflow_client

    search = {"estimator": "ridge", "search": {"alpha": [0.01, 100.0]}, "trials": 4}
    spec = spec_of(candidates=[search])
    context, table = bench.open(spec, weather())
    results = [train(RunContext(**{**vars(context), "use_cache": False}), table, "ridge") for _ in range(2)]
    assert results[0].params == results[1].params
    assert results[0].metrics == results[1].metrics
    client = mlflow_client(bench.settings)
    experiment = client.get_experiment_by_name("weather").experiment_id
    runs = client.search_runs([experiment])
    parents = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    assert [run.info.run_id for run in parents] == [results[1].mlflow_run_id]
    assert len(runs) == 5
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert parents[0].data.metrics["cv_rmse"] == min(
        run.data.metrics["cv_rmse"] for run in runs if run is not parents[0]
    )


def test_a_classification_keeps_the_tables_labels(bench: Bench) -> None:
    spec = spec_of(
        task="classification",
        target="level",
        split={"by": "random"},
        candidates=[{"estimator": "xgboost", "params": {"n_estimators": 20}}, {"estimator": "logistic_regression"}],
        promotion={"metric": "accuracy"},
    )
    _, _, evaluated, registered = bench.run(spec, weather().drop(columns="load"))
    assert registered.promoted
    assert {"confusion", "calibration", "importance"} == set(evaluated.plots)
    model = bench.registry.load(bench.registry.champion("weather"))
    assert set(model.predict(weather())) == {"high", "low"}
    assert all(0.5 < one["metrics"]["accuracy"] <= 1 for one in evaluated.candidates[:2])
    told = evaluated.breakdown
    assert told is not None
    assert [one["class"] for one in told["classes"]] == ["high", "low"]
    best = next(one for one in evaluated.candidates if one["name"] == evaluated.best)
    right = sum(told["confusion"][place][place] for place in (0, 1))
    assert right / told["rows"] == pytest.approx(best["metrics"]["accuracy"])


def test_several_targets_and_clusters(bench: Bench) -> None:
    two = spec_of(target=["load", "count"], candidates=[{"estimator": "hist_gradient_boosting"}])
    _, trained, _, registered = bench.run(two, weather().drop(columns="level"))
    assert registered.promoted
    assert {"rmse", "rmse:load", "rmse:count"} <= set(trained[0].metrics)
    clusters = spec_of(
        name="groups",
        task="clustering",
        target=None,
        split={"by": "random"},
        candidates=[{"estimator": "k_means", "search": {"n_clusters": [2, 5]}, "trials": 4}],
        promotion={},
    )
    _, _, evaluated, registered = bench.run(clusters, weather()[["at", "heat", "count"]])
    assert registered.promoted, registered.reason
    assert evaluated.metric == "silhouette"
    assert set(evaluated.plots) == {"clusters", "profile"}
    told = evaluated.breakdown
    assert told is not None
    assert sum(one["rows"] for one in told["clusters"]) == 400
    assert json.loads(bench.artifacts.get_bytes(evaluated.reports["clusters"])) == told
    record = bench.runs.get_run("groups--2")
    assert run_summary(record)["breakdown"]["clusters"][0]["sentence"].startswith("Cluster ")


def test_a_table_that_teaches_nothing_ends_the_stage_with_one_sentence(bench: Bench) -> None:
    context, table = bench.open(spec_of(target="laod"), weather())
    with pytest.raises(TrainingError, match="Did you mean 'load'"):
        train(context, table, "ridge")
    stage = context.runs.get_run(context.run_id)["stages"]["train:ridge"]
    assert stage["status"] == "failed"
    assert "'laod'" in stage["error"]["message"]


def test_auto_goes_through_all_stages_and_begins_anew_where_it_ended(bench: Bench) -> None:
    parts = {
        "candidates": [{"estimator": "auto", "estimators": ["ridge", "k_neighbors", "hist_gradient_boosting"]}],
        "search": {"seconds": 300, "trials": 5},
    }
    context, trained, evaluated, registered = bench.run(spec_of(**parts), weather())
    assert [one.candidate for one in trained] == ["auto", "baseline"]
    assert evaluated.best == "auto"
    assert registered.promoted, registered.reason
    assert registered.compiled is not None
    assert registered.compiled["status"] == "compiled", registered.compiled
    report = context.runs.get_run(context.run_id)["stages"]["train:auto"]["output"]["report"]
    assert report["trials"] == 5
    nested = nested_runs(bench, trained[0])
    assert len(nested) == 5
    trees = {"hist_gradient_boosting", "hist_gradient_boosting_filled"}  # the table has gaps
    assert {run.data.params["estimator"] for run in nested} == {"ridge", "k_neighbors", *trees}
    again, later = bench.open(spec_of(**parts), weather(seed=3))
    known = champion_params(again)
    assert set(known) == {member["estimator"] for member in trained[0].params["members"]}
    repeated = train(again, later, "auto")
    best = trained[0].params["members"][0]
    tried = [run.data.params for run in nested_runs(bench, repeated)]
    assert any(params["estimator"] == best["estimator"] and _holds(params, best["params"]) for params in tried)


def _holds(params: dict[str, str], wanted: dict[str, Any]) -> bool:
    return all(params[name] == str(value) for name, value in wanted.items())


def nested_runs(bench: Bench, trained: Trained) -> list[Any]:
    from millrace.stores.mlflow_client import mlflow_client

    client = mlflow_client(bench.settings)
    experiment = client.get_run(trained.mlflow_run_id).info.experiment_id
    return list(client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{trained.mlflow_run_id}'"))
