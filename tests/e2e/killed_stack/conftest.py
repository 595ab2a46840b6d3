"""One stack for the tests of this folder, which kill its programs, its tasks and its stores, and stop it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest
from installation import Installation

SMALL = """
name: small
source: {type: sample, name: sklearn/iris}
task: classification
target: target
split: {by: random, test: 0.2}
candidates:
  - {estimator: logistic_regression}
promotion: {metric: f1_macro, limit: 0.5}
"""
STURDY = """
name: sturdy
source: {type: sample, name: air_quality, rows: 30000}
expectations:
  - {expect: expect_column_values_to_be_between, column: T, min_value: -50, max_value: 80, on_failure: warn}
task: regression
target: CO(GT)
candidates:
  - {estimator: hist_gradient_boosting, params: {max_iter: 40}}
"""


@pytest.fixture(scope="package")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """The installation, with whatever is left of its stack."""
    installed = Installation(tmp_path_factory.mktemp("killed"), {"small": SMALL, "sturdy": STURDY})
    yield installed
    installed.stop()


@pytest.fixture(scope="package")
def first_up(installation: Installation) -> subprocess.CompletedProcess[str]:
    """How the stack came up, from nothing."""
    return installation("up", "--detach", "--example", "small")


@pytest.fixture
def running(installation: Installation, first_up: subprocess.CompletedProcess[str]) -> Installation:
    """The installation with its stack up, whatever the test before has killed."""
    assert first_up.returncode == 0, first_up.stderr
    return installation
