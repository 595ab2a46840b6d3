"""The specs of an installation: files and copies of made ones side by side, where a file always wins."""

from __future__ import annotations

from pathlib import Path

import pytest

from millrace.errors import NotFoundError, SpecError
from millrace.settings import Settings
from millrace.spec.installed import find_spec, installed_specs, specs_by_dag

TEXT = "name: {name}\nsource: {{type: sample, name: wine}}\n"


@pytest.fixture
def installation(tmp_path: Path) -> Settings:
    settings = Settings(millrace_pipelines_dir=tmp_path / "pipelines", millrace_home=tmp_path / "home", data_dir=None)
    settings.millrace_pipelines_dir.mkdir()
    settings.made_specs_dir.mkdir(parents=True)
    return settings


def write(folder: Path, name: str, more: str = "", file: str | None = None) -> None:
    (folder / (file or f"{name}.yaml")).write_text(TEXT.format(name=name) + more)


def test_files_and_made_ones_are_listed_together(installation):
    write(installation.millrace_pipelines_dir, "one")
    write(installation.made_specs_dir, "two")
    catalogue = installed_specs(installation)
    assert {name: loaded.made for name, loaded in catalogue.specs.items()} == {"one": False, "two": True}
    assert catalogue.problems == []
    assert find_spec(installation, "two").made
    assert set(specs_by_dag(installation, None, "scoring.")) == {"scoring.one", "scoring.two"}
    assert set(specs_by_dag(installation, "scoring.two", "scoring.")) == {"scoring.two"}


@pytest.mark.parametrize("file", ["two.yaml", "other.yml"])
def test_a_file_wins_over_a_made_one_and_the_conflict_is_told(installation, file):
    write(installation.millrace_pipelines_dir, "two", file=file)
    write(installation.made_specs_dir, "two")
    catalogue = installed_specs(installation)
    assert not catalogue.specs["two"].made
    assert "the name 'two' is taken by" in str(catalogue.problems[0])
    assert not find_spec(installation, "two").made


def test_a_broken_file_keeps_its_name(installation):
    (installation.millrace_pipelines_dir / "two.yaml").write_text("name: [")
    write(installation.made_specs_dir, "two")
    assert installed_specs(installation).specs == {}
    with pytest.raises(SpecError, match="not YAML"):
        find_spec(installation, "two")


def test_the_fault_of_another_file_is_not_told_of_a_name_that_is_part_of_its_own(installation):
    (installation.millrace_pipelines_dir / "flow-two.yaml").write_text("name: [")
    with pytest.raises(NotFoundError, match="no pipeline 'two'"):
        find_spec(installation, "two")


def test_a_made_one_cannot_hold_up_a_file_by_a_cycle(installation):
    write(installation.millrace_pipelines_dir, "one", "schedule: {assets: [dataset/two]}\n")
    write(installation.made_specs_dir, "two", "schedule: {assets: [dataset/one]}\n")
    catalogue = installed_specs(installation)
    assert list(catalogue.specs) == ["one"]
    assert "makes a cycle: two -> one -> two" in str(catalogue.problems[0])
    with pytest.raises(SpecError, match="cycle"):
        find_spec(installation, "two")


def test_a_copy_that_reaches_too_far_is_no_pipeline(installation):
    write(installation.made_specs_dir, "two", "load: [{type: file, path: /tmp/x.csv}]\n")
    assert installed_specs(installation).specs == {}
    with pytest.raises(SpecError, match="writes no files"):
        find_spec(installation, "two")


def test_a_copy_under_another_name_is_refused(installation):
    write(installation.made_specs_dir, "one", file="two.yaml")
    assert "this holds the pipeline 'one'" in str(installed_specs(installation).problems[0])
    with pytest.raises(NotFoundError):
        find_spec(installation, "one")


def test_a_made_one_that_a_file_only_mentions_is_found(installation):
    write(installation.millrace_pipelines_dir, "one", "description: feeds two\n")
    write(installation.made_specs_dir, "two")
    assert find_spec(installation, "two").made
