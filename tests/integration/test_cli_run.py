"""`millrace run --local`: needs no running stack, prints one JSON object, and keeps to its exit codes."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cli_helpers
import pytest
from free_ports import free_port_base
from waiting import until

from millrace.local.processes import processes_of

pytestmark = pytest.mark.integration
Millrace = Callable[..., tuple[int, Any, str]]

KEYS = {
    "run_id", "pipeline", "status", "error", "dataset_version", "rows", "validation", "warnings", "candidates", "best",
    "promoted", "model_version", "stages",
}  # fmt: skip
SPEC = """\
name: small
source: {{type: file, path: {table}}}
expectations:
  - {{expect: expect_column_values_to_be_between, column: x, min_value: {least}, on_failure: fail}}
task: regression
target: y
candidates:
  - {{estimator: ridge}}
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The home of an installation of its own, with nothing running."""
    return tmp_path / "home"


@pytest.fixture
def environment(home: Path) -> dict[str, str]:
    """What tells the program of that installation."""
    return {"MILLRACE_HOME": str(home), "MILLRACE_PORT_BASE": str(free_port_base())}


@pytest.fixture
def millrace(environment: dict[str, str], home: Path) -> Millrace:
    """Runs the program; gives its exit code, the JSON on standard output, and standard error."""

    def run(*arguments: str, **more: str) -> tuple[int, Any, str]:
        ports = {"MILLRACE_PORT_BASE": environment["MILLRACE_PORT_BASE"]}
        outcome = cli_helpers.millrace(*arguments, home=home, **ports, **more)
        return outcome.returncode, json.loads(outcome.stdout or "null"), outcome.stderr

    return run


def write_spec(folder: Path, least: float = 0, rows: int = 200) -> Path:
    table = folder / "table.csv"
    table.write_text("x,y\n" + "".join(f"{i % 17},{2 * (i % 17) + i % 3}\n" for i in range(rows)))
    spec = folder / "small.yaml"
    spec.write_text(SPEC.format(table=table, least=least))
    return spec


def test_runs_succeed_fail_and_are_remembered_without_a_stack(millrace: Millrace, home: Path, tmp_path: Path) -> None:
    code, done, stderr = millrace("run", str(write_spec(tmp_path)), "--local", "--json")
    assert code == 0, stderr
    assert set(done) >= KEYS
    assert done["status"] == "success"
    assert done["rows"] == {"extracted": 200, "quarantined": 0, "validated": 200, "transformed": 200}
    assert (done["best"], done["promoted"], done["model_version"]) == ("ridge", True, "1")
    assert [stage["name"] for stage in done["stages"]] == [
        "extract", "validate", "transform", "train", "evaluate", "register",
    ]  # fmt: skip
    assert "extract" in stderr
    until(lambda: processes_of(home) == [], "the end of its processes")

    code, failed, stderr = millrace("run", str(write_spec(tmp_path, least=5)), "--local", "--json")
    assert code == 1
    assert failed["status"] == "failed"
    assert failed["error"]["code"] == "validation_failed"
    assert failed["dataset_version"] == done["dataset_version"]
    assert len(failed["validation"]["failed"]) == 1
    assert "Traceback" not in stderr
    assert stderr.strip().splitlines()[-1].startswith("error: ")


def test_a_bad_spec_is_two_and_json_all_the_same(millrace: Millrace, tmp_path: Path) -> None:
    spec = write_spec(tmp_path)
    spec.write_text(spec.read_text().replace("ridge", "rigde"))
    code, document, stderr = millrace("run", str(spec), "--local", "--json")
    assert code == 2
    assert set(document) >= KEYS
    assert (document["status"], document["error"]["code"]) == ("failed", "bad_spec")
    assert f"{spec}:8" in stderr
    assert "Did you mean 'ridge'?" in stderr


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (None, "bad_source"),
        ("<html><body>Sign in</body></html>", "bad_source"),
        ("x,y\n", "bad_source"),
        ("x;y\n1;2\n", "bad_source"),
    ],
    ids=["missing", "web page", "header only", "another separator"],
)
def test_a_bad_table_is_one_sentence(millrace: Millrace, tmp_path: Path, content: str | None, code: str) -> None:
    spec = write_spec(tmp_path)
    table = tmp_path / "table.csv"
    table.unlink()
    if content is not None:
        table.write_text(content)
    exit_code, document, stderr = millrace("run", str(spec), "--local", "--json")
    assert exit_code == 1
    assert document["error"]["code"] == code
    assert "Traceback" not in stderr
    assert document["run_id"].startswith("small--")


def test_terminating_a_run_leaves_no_process(environment: dict[str, str], home: Path, tmp_path: Path) -> None:
    spec = write_spec(tmp_path, rows=5000)
    with subprocess.Popen(
        [*cli_helpers.PROGRAM, "run", str(spec), "--local", "--json"],
        env=cli_helpers.inherited() | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stderr is not None
        while b"extract" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=120)
    assert process.returncode == 128 + signal.SIGTERM
    until(lambda: processes_of(home) == [], "the end of its processes")


def test_a_named_pipeline_that_is_not_there_is_bad_usage(millrace: Millrace) -> None:
    code, document, stderr = millrace("run", "nosuch", "--local", "--json")
    assert code == 2
    assert document["error"]["code"] == "not_found"
    assert "There is no pipeline 'nosuch'" in stderr


def test_without_airflow_the_error_says_what_to_do(millrace: Millrace, tmp_path: Path) -> None:
    write_spec(tmp_path)
    code, document, stderr = millrace("run", "small", "--json", MILLRACE_PIPELINES_DIR=str(tmp_path))
    assert code == 1
    assert document["error"]["code"] == "stack_failed"
    assert "millrace up" in stderr
    assert "--local" in stderr


def test_airflow_runs_only_the_pipelines_of_its_folder(millrace: Millrace, tmp_path: Path) -> None:
    code, document, _ = millrace("run", str(write_spec(tmp_path)), "--json")
    assert code == 2
    assert "is not in" in document["error"]["message"]
