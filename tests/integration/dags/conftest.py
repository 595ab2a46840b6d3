"""Parses the project's DAG files as Airflow does, in a process of its own, with the specs of a test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).resolve().parents[3]
Parse = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def parse_dags(tmp_path_factory: pytest.TempPathFactory) -> Parse:
    """`parse_dags({name: YAML}, VARIABLE=value)` gives what `parse_dags.py` prints; `made` have no file but a copy."""

    def parse(specs: dict[str, str], made: dict[str, str] | None = None, **more: str) -> dict[str, Any]:
        folder = tmp_path_factory.mktemp("dags")
        for place, texts in ((folder / "specs", specs), (folder / "home" / "specs", made or {})):
            place.mkdir(parents=True)
            for name, text in texts.items():
                (place / f"{name}.yaml").write_text(text)
        environment = {
            **os.environ,
            "AIRFLOW_HOME": str(folder / "airflow"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "MILLRACE_HOME": str(folder / "home"),
            "MILLRACE_PIPELINES_DIR": str(folder / "specs"),
            "MONGODB_URI": "mongodb://127.0.0.1:1/",  # a parse that asks a database for anything fails here
            **more,
        }
        script = PROJECT / "tests" / "integration" / "dags" / "parse_dags.py"
        done = subprocess.run(
            [sys.executable, script], env=environment, cwd=PROJECT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr[-3000:]
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    return parse


@pytest.fixture(scope="module")
def dags(request: pytest.FixtureRequest, parse_dags: Parse) -> dict[str, Any]:
    """The DAGs of a file's `SPECS`, in which nothing is wrong; a task of `flowers` reads its own spec alone."""
    found = parse_dags(request.module.SPECS)
    assert found["errors"] == {}
    assert found["heavy"] == []
    assert found["one"]["dags"] == ["flowers"]
    parsed: dict[str, Any] = found["dags"]
    return parsed
