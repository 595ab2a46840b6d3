"""`millrace lint`, `schema` and `init` at the command line."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
from cli_helpers import millrace
from ruamel.yaml import YAML

GOOD = """\
name: good
source: {type: sample, name: wine}
task: regression
target: quality
candidates:
  - {estimator: ridge}
"""


def test_a_good_spec_passes_and_a_caution_is_a_warning(tmp_path: Path) -> None:
    spec = tmp_path / "good.yaml"
    spec.write_text(GOOD + "monitoring: {cooldown: 12h}\n")
    outcome = millrace("lint", str(spec), home=tmp_path)
    assert outcome.returncode == 0
    assert outcome.stdout == f"warning: {spec}: monitoring watches nothing: set drift, live_quality or coverage.\n"


def test_a_feature_set_that_is_not_there_is_a_warning(tmp_path: Path) -> None:
    spec = tmp_path / "good.yaml"
    spec.write_text(GOOD + "transform: [{step: feature_set, name: no-such-weather, time: at}]\n")
    assert "there is no feature set 'no-such-weather'" in millrace("lint", str(spec), home=tmp_path).stdout


def test_each_error_names_file_line_value_and_what_is_allowed(tmp_path: Path) -> None:
    spec = tmp_path / "bad.yaml"
    spec.write_text(GOOD.replace("ridge", "rigde") + "ownr: me\n")
    outcome = millrace("lint", str(spec), home=tmp_path)
    assert outcome.returncode == 2
    assert f"{spec}:6: " in outcome.stdout
    assert "Did you mean 'ridge'?" in outcome.stdout
    assert f"{spec}:7: ownr: unknown key. Did you mean 'owner'?" in outcome.stdout


def test_a_folder_is_checked_whole_and_one_broken_spec_hides_no_other(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("name: [")
    (tmp_path / "b.yaml").write_text(GOOD)
    (tmp_path / "c.yaml").write_text(GOOD)
    outcome = millrace("lint", "--json", str(tmp_path), home=tmp_path)
    findings = json.loads(outcome.stdout)
    assert outcome.returncode == 2
    assert findings["specs"] == 3
    assert len(findings["errors"]) == 2
    assert "a.yaml:" in findings["errors"][0]
    assert "is taken by" in findings["errors"][1]


def test_an_empty_folder_is_bad_usage(tmp_path: Path) -> None:
    assert millrace("lint", str(tmp_path), home=tmp_path).returncode == 2


def test_the_schema_accepts_a_good_spec_and_refuses_a_bad_one(tmp_path: Path) -> None:
    outcome = millrace("schema", home=tmp_path)
    validator = jsonschema.Draft202012Validator(json.loads(outcome.stdout))
    assert validator.is_valid(YAML(typ="safe").load(GOOD))
    assert not validator.is_valid(YAML(typ="safe").load(GOOD.replace("ridge", "rigde")))


def test_init_writes_a_spec_that_lints_and_does_not_write_over_one(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("x;y\n" + "".join(f"{i % 7},5;{i % 2}\n" for i in range(80)))
    spec = tmp_path / "made" / "readings.yaml"
    first = millrace("init", str(table), "--target", "y", "--output", str(spec), home=tmp_path)
    assert first.returncode == 0, first.stderr
    assert first.stdout == f"{spec}\n"
    assert "name: readings\n" in spec.read_text()  # what the file is called, the pipeline is called
    assert millrace("lint", str(spec), home=tmp_path).returncode == 0
    again = millrace("init", str(table), "--target", "y", "--output", str(spec), home=tmp_path)
    assert again.returncode == 2
    assert "--force" in again.stderr
    assert millrace("init", str(table), "--target", "y", "-o", str(spec), "--force", home=tmp_path).returncode == 0


def test_init_without_a_target_asks_which(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("x,y\n" + "".join(f"{i % 7},{i % 3}\n" for i in range(80)))
    outcome = millrace("init", str(table), "-o", "-", home=tmp_path)
    assert outcome.returncode == 2
    assert "Give --target with one of: 'y', 'x'" in outcome.stderr
