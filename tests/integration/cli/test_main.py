"""The program answers at once, keeps to its exit codes, and never shows a stack trace."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from cli_helpers import millrace

from millrace.cli.failures import report
from millrace.errors import MillraceError, NotFoundError, SourceError, SpecError, StorageError

COMMANDS = [
    [], ["up"], ["down"], ["status"], ["doctor"], ["init"], ["lint"], ["schema"], ["run"], ["backfill"], ["runs"],
    ["runs", "list"], ["runs", "show"], ["models"], ["models", "list"], ["models", "promote"], ["models", "rollback"],
    ["predict"],
]  # fmt: skip
HEAVY = {
    "pandas", "numpy", "sklearn", "pyarrow", "mlflow", "great_expectations", "boto3", "pymongo", "airflow", "httpx",
    "ruamel", "matplotlib", "optuna",
}  # fmt: skip
SEE_IMPORTS = """
import json, sys
from millrace.cli.main import app
for command in json.loads(sys.argv[1]):
    try:
        app([*command, "--help"], prog_name="millrace")
    except SystemExit as end:
        assert end.code == 0, (command, end.code)
print("IMPORTED", *sys.modules)
"""


def test_help_of_every_command_imports_nothing_heavy() -> None:
    shown = subprocess.run(
        [sys.executable, "-c", SEE_IMPORTS, json.dumps(COMMANDS)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    for command in COMMANDS:
        assert f"Usage: {' '.join(['millrace', *command])} " in shown.stdout
    imported = set(shown.stdout.rpartition("IMPORTED")[2].split())
    assert "millrace.cli.main" in imported
    assert imported & HEAVY == set()


@pytest.mark.parametrize(
    "arguments",
    [
        ["nosuch"],
        ["run"],
        ["run", "x", "--nosuch"],
        ["predict", "m"],
        ["predict", "m", "--json", "{}", "--file", "rows.csv"],
        ["predict", "m", "--json", "{broken"],
        ["predict", "m", "--json", "[1]"],
        ["init", "table.csv", "--task", "guess"],
        ["run", "absent.yaml", "--local"],
        ["runs", "list", "--limit", "0"],
    ],
    ids=" ".join,
)
def test_bad_usage_ends_with_two_and_one_clear_message(arguments: list[str], tmp_path: Path) -> None:
    outcome = millrace(*arguments, home=tmp_path)
    assert outcome.returncode == 2
    assert outcome.stdout == ""
    assert "rror" in outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_version(tmp_path: Path) -> None:
    outcome = millrace("--version", home=tmp_path)
    assert outcome.returncode == 0
    assert outcome.stdout.startswith("millrace ")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (StorageError("It is away.", hint="Start it."), 1),
        (SourceError("It is away.", hint="Start it."), 1),
        (SpecError("It is away.", hint="Start it."), 2),
        (NotFoundError("It is away.", hint="Start it."), 2),
    ],
)
def test_an_error_is_one_line_and_an_exit_code(
    error: MillraceError, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report(error) == code
    assert capsys.readouterr().err == "error: It is away. Start it.\n"


def test_an_unexpected_error_says_how_to_see_more(capsys: pytest.CaptureFixture[str]) -> None:
    assert report(KeyError("x")) == 1
    assert capsys.readouterr().err == "error: KeyError: 'x'  (unexpected; millrace --debug shows where)\n"


def test_debug_shows_where(tmp_path: Path) -> None:
    outcome = millrace("--debug", "run", "absent.yaml", "--local", home=tmp_path)
    assert outcome.returncode == 1
    assert "Traceback" in outcome.stderr


def test_bad_settings_are_named(tmp_path: Path) -> None:
    outcome = millrace("runs", "list", home=tmp_path, MILLRACE_PORT_BASE="many")
    assert outcome.returncode == 2
    assert "MILLRACE_PORT_BASE" in outcome.stderr
