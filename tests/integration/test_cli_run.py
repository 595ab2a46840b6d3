"""`millrace run --local`: needs no running stack, prints one JSON object, and keeps to its exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from millrace.settings import PORTS

pytestmark = pytest.mark.integration

PROGRAM = [sys.executable, "-c", "from millrace.cli.main import main; main()"]
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
def home(tmp_path: Path, free_ports: int) -> dict[str, str]:
    """The environment of an installation of its own, with nothing running."""
    return {**os.environ, "MILLRACE_HOME": str(tmp_path / "home"), "MILLRACE_PORT_BASE": str(free_ports)}


@pytest.fixture
def free_ports() -> int:
    """A base from which all ports are free."""
    import socket

    for base in range(35100, 36000, 20):
        with socket.socket() as probe:
            if all(probe.connect_ex(("127.0.0.1", base + offset)) != 0 for offset in PORTS.values()):
                return base
    pytest.skip("no free ports between 35100 and 36000")


def write_spec(folder: Path, least: float = 0, rows: int = 200) -> Path:
    table = folder / "table.csv"
    table.write_text("x,y\n" + "".join(f"{i % 17},{2 * (i % 17) + i % 3}\n" for i in range(rows)))
    spec = folder / "small.yaml"
    spec.write_text(SPEC.format(table=table, least=least))
    return spec


def millrace(environment: dict[str, str], *arguments: str) -> tuple[int, Any, str]:
    """Exit code, the JSON on standard output, standard error."""
    outcome = subprocess.run(
        [*PROGRAM, *arguments], env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    return outcome.returncode, json.loads(outcome.stdout or "null"), outcome.stderr


def processes_of(environment: dict[str, str]) -> list[psutil.Process]:
    """The processes that belong to this installation."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("MILLRACE_HOME") == environment["MILLRACE_HOME"]:
                found.append(process)
        except psutil.Error:
            continue
    return found


def wait_until_gone(environment: dict[str, str]) -> bool:
    deadline = time.monotonic() + 60
    while processes_of(environment) and time.monotonic() < deadline:
        time.sleep(0.2)
    return not processes_of(environment)


def test_runs_succeed_fail_and_are_remembered_without_a_stack(home: dict[str, str], tmp_path: Path) -> None:
    code, done, stderr = millrace(home, "run", str(write_spec(tmp_path)), "--local", "--json")
    assert code == 0, stderr
    assert set(done) >= KEYS
    assert done["status"] == "success"
    assert done["rows"] == {"extracted": 200, "quarantined": 0, "validated": 200, "transformed": 200}
    assert (done["best"], done["promoted"], done["model_version"]) == ("ridge", True, "1")
    assert [stage["name"] for stage in done["stages"]] == [
        "extract", "validate", "transform", "train", "evaluate", "register",
    ]  # fmt: skip
    assert "extract" in stderr
    assert wait_until_gone(home)

    code, failed, stderr = millrace(home, "run", str(write_spec(tmp_path, least=5)), "--local", "--json")
    assert code == 1
    assert failed["status"] == "failed"
    assert failed["error"]["code"] == "validation_failed"
    assert failed["dataset_version"] == done["dataset_version"]
    assert len(failed["validation"]["failed"]) == 1
    assert "Traceback" not in stderr
    assert stderr.strip().splitlines()[-1].startswith("error: ")


def test_a_bad_spec_is_two_and_json_all_the_same(home: dict[str, str], tmp_path: Path) -> None:
    spec = write_spec(tmp_path)
    spec.write_text(spec.read_text().replace("ridge", "rigde"))
    code, document, stderr = millrace(home, "run", str(spec), "--local", "--json")
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
def test_a_bad_table_is_one_sentence(home: dict[str, str], tmp_path: Path, content: str | None, code: str) -> None:
    spec = write_spec(tmp_path)
    table = tmp_path / "table.csv"
    table.unlink()
    if content is not None:
        table.write_text(content)
    exit_code, document, stderr = millrace(home, "run", str(spec), "--local", "--json")
    assert exit_code == 1
    assert document["error"]["code"] == code
    assert "Traceback" not in stderr
    assert document["run_id"].startswith("small--")


def test_terminating_a_run_leaves_no_process(home: dict[str, str], tmp_path: Path) -> None:
    spec = write_spec(tmp_path, rows=5000)
    with subprocess.Popen(
        [*PROGRAM, "run", str(spec), "--local", "--json"], env=home, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stderr is not None
        while b"extract" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=120)
    assert process.returncode == 128 + signal.SIGTERM
    assert wait_until_gone(home)


def test_a_named_pipeline_that_is_not_there_is_bad_usage(home: dict[str, str]) -> None:
    code, document, stderr = millrace(home, "run", "nosuch", "--local", "--json")
    assert code == 2
    assert document["error"]["code"] == "not_found"
    assert "There is no pipeline 'nosuch'" in stderr


def test_without_airflow_the_error_says_what_to_do(home: dict[str, str], tmp_path: Path) -> None:
    write_spec(tmp_path)
    code, document, stderr = millrace(home | {"MILLRACE_PIPELINES_DIR": str(tmp_path)}, "run", "small", "--json")
    assert code == 1
    assert document["error"]["code"] == "stack_failed"
    assert "millrace up" in stderr
    assert "--local" in stderr


def test_airflow_runs_only_the_pipelines_of_its_folder(home: dict[str, str], tmp_path: Path) -> None:
    code, document, _ = millrace(home, "run", str(write_spec(tmp_path)), "--json")
    assert code == 2
    assert "is not in" in document["error"]["message"]
