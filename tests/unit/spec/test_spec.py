"""The spec as a whole: what is accepted, what is refused and how, versions and cycles."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest

from millrace.errors import NotFoundError, SpecError
from millrace.settings import Settings
from millrace.spec.catalogue import load_catalogue, load_spec, spec_from_document
from millrace.spec.installed import find_spec
from millrace.spec.schema import spec_schema

GOOD = """\
name: demo
owner: team
schedule: "@daily"
source:
  type: sample
  name: air_quality
task: regression
target: CO(GT)
split: {by: random}
candidates:
  - {estimator: random_forest, params: {n_estimators: 10}}
promotion: {metric: rmse, limit: 0.65}
"""


def written(folder: Path, text: str, name: str = "demo.yaml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_a_good_spec(tmp_path: Path) -> None:
    loaded = load_spec(written(tmp_path, GOOD))
    assert loaded.spec.name == "demo"
    assert loaded.spec.metric == "rmse"
    assert not loaded.spec.greater_is_better
    assert loaded.spec.targets == ["CO(GT)"]


def test_version_is_the_meaning(tmp_path: Path) -> None:
    first = load_spec(written(tmp_path, GOOD)).version
    lines = GOOD.splitlines()
    reordered = "# a comment\n" + "\n".join([*lines[6:], *lines[:6]]) + "\n"
    assert load_spec(written(tmp_path, reordered)).version == first
    assert load_spec(written(tmp_path, GOOD.replace("0.65", "0.64"))).version != first


def test_a_recorded_spec_is_the_same_spec(tmp_path: Path) -> None:
    loaded = load_spec(written(tmp_path, GOOD.replace("owner: team", "owner: team 🌊")))
    again = spec_from_document(loaded.document)
    assert (again.spec, again.version) == (loaded.spec, loaded.version)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("owner: team", "ownr: team", r"demo\.yaml:2: ownr: unknown key\. Did you mean 'owner'\?"),
        (
            "type: sample",
            "type: sampel",
            r"demo\.yaml:\d: source: type 'sampel' is not allowed\. Did you mean 'sample'\?",
        ),
        ("  type: sample\n", "", r"demo\.yaml:4: source: the key '?type'? is required"),
        ("name: demo", "nam: demo", r"name: this key is required and missing"),
        ("name: demo", "name: Demo Pipe", r"demo\.yaml:1: name: 'Demo Pipe' does not fit"),
        ("regression", "regresion", r"demo\.yaml:7: task: 'regresion' is not allowed\. Did you mean 'regression'\?"),
        ("random_forest", "random_forrest", r"demo\.yaml:11: .*Did you mean 'random_forest'\?"),
        (
            "n_estimators: 10",
            "n_estimator: 10",
            r"demo\.yaml:11: .*'n_estimator' is no parameter of random_forest\. Did you",
        ),
        ("by: random", "by: random, tset: 0.3", r"demo\.yaml:9: split\.tset: unknown key\. Did you mean 'test'\?"),
        ("by: random", "by: random, test: 1.5", r"demo\.yaml:9: split\.test: 1\.5 does not fit: .*less than 1"),
        ("by: random", "by: time", r"split\.by: time needs split\.column, or a source\.timestamp"),
        ("metric: rmse", "metric: accuracy", r"'accuracy' is no metric of a regression\. Allowed: rmse"),
        ('"@daily"', '"every day"', r"demo\.yaml:3: schedule.*neither a cron expression nor a preset"),
        ("target: CO(GT)\n", "", r"task: regression needs a 'target'"),
        ("task: regression\n", "", r"'target' is given, but no 'task'"),
    ],
)
def test_what_is_refused_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in GOOD
    with pytest.raises(SpecError, match=message):
        load_spec(written(tmp_path, GOOD.replace(old, new)))


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("owner:", "ownr:").replace("by: random", "by: randon")
    with pytest.raises(SpecError) as caught:
        load_spec(written(tmp_path, text))
    assert [problem["line"] for problem in caught.value.details["problems"]] == [2, 9]


def test_a_broken_spec_hides_no_other(tmp_path: Path) -> None:
    written(tmp_path, GOOD)
    written(tmp_path, "name: [", "broken.yaml")
    written(tmp_path, GOOD, "twin.yaml")
    catalogue = load_catalogue(tmp_path)
    assert list(catalogue.specs) == ["demo"]
    assert [problem.message.split("/")[-1][:12] for problem in catalogue.problems] == [
        "broken.yaml:",
        "demo.yaml.",
    ] or len(catalogue.problems) == 2


def test_a_cycle_of_assets_is_named(tmp_path: Path) -> None:
    for name, upstream in (("a", "c"), ("b", "a"), ("c", "b"), ("d", "a")):
        text = GOOD.replace("name: demo", f"name: {name}").replace('"@daily"', f"{{assets: [model/{upstream}]}}")
        written(tmp_path, text, f"{name}.yaml")
    catalogue = load_catalogue(tmp_path)
    assert list(catalogue.specs) == ["d"]
    assert len(catalogue.problems) == 3
    assert "a.yaml:3: schedule.assets makes a cycle: a -> c -> b -> a" in str(catalogue.problems[0])


def test_finding_a_spec_by_name(tmp_path: Path) -> None:
    settings = Settings(millrace_pipelines_dir=tmp_path, millrace_home=tmp_path / "home")
    written(tmp_path, GOOD)
    assert find_spec(settings, "demo").spec.name == "demo"
    with pytest.raises(NotFoundError, match="Did you mean 'demo'"):
        find_spec(settings, "dmeo")
    written(tmp_path, "name: [", "other.yaml")
    with pytest.raises(SpecError, match="not YAML"):
        find_spec(settings, "other")


def test_the_schema_accepts_what_the_models_accept(tmp_path: Path) -> None:
    schema = spec_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    document = load_spec(written(tmp_path, GOOD)).document
    jsonschema.validate(document, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**document, "ownr": "x"}, schema)


NEVER = ["0 0 30 2 *", "* * * * * *", "* * * * * * 2024", "@Daily", "@reboot", "R R * * *", "H 1 * * *", "0 0 * *", ""]


@pytest.mark.parametrize("cron", NEVER)
@pytest.mark.parametrize("place", ["schedule", "monitoring"])
def test_a_time_that_airflow_cannot_run_by_is_refused(tmp_path: Path, cron: str, place: str) -> None:
    written_there = f"{place}: '{cron}'" if place == "schedule" else f"{place}: {{schedule: '{cron}'}}"
    with pytest.raises(SpecError, match=r"neither a cron expression nor a preset|never comes"):
        load_spec(written(tmp_path, GOOD.replace('schedule: "@daily"', written_there)))


@pytest.mark.parametrize("cron", ["0 6 * JAN-MAR MON-FRI", "0 0 29 2 *", "*/5 * * * *", "0 0 L * *", "0 0 * * 5#2"])
def test_usual_times_are_taken(tmp_path: Path, cron: str) -> None:
    assert load_spec(written(tmp_path, GOOD.replace("@daily", cron))).spec.schedule == cron


@pytest.mark.parametrize("limit", ["metric: rmse, limit: -1", "metric: r2, limit: 1.5", "limit: .nan", "limit: -.inf"])
def test_a_limit_that_no_model_can_keep_is_refused(tmp_path: Path, limit: str) -> None:
    with pytest.raises(SpecError, match=r"no model could be promoted|a finite number"):
        load_spec(written(tmp_path, GOOD.replace("metric: rmse, limit: 0.65", limit)))


def test_a_target_is_named_once_and_a_seed_is_one_for_every_library(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="names a column twice"):
        load_spec(written(tmp_path, GOOD.replace("CO(GT)", "[x, x]")))
    with pytest.raises(SpecError, match="seed: -1 does not fit"):
        load_spec(written(tmp_path, GOOD.replace("{by: random}", "{by: random, seed: -1}")))
