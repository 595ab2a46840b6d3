"""What the stack tells the programs beside it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millrace.local.credentials import credentials
from millrace.local.stack_env import (
    forget_running,
    read_stack_env,
    stack_env_file,
    stack_settings,
    stack_values,
    uses_embedded_mlflow,
    write_stack_env,
)
from millrace.settings import Settings, get_settings

VALUES = st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=40)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(millrace_home=tmp_path, millrace_port_base=32600, _env_file=None)


@given(st.dictionaries(st.from_regex(r"[A-Z][A-Z_]{0,12}", fullmatch=True), VALUES, max_size=5))
def test_any_value_is_read_back_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, values: dict[str, str]
) -> None:
    home = tmp_path_factory.mktemp("home")
    write_stack_env(home, values)
    assert read_stack_env(home) == values


def test_folders_of_specs_are_told_where_they_are_elsewhere(settings: Settings, tmp_path: Path) -> None:
    secrets = credentials(tmp_path, "admin")
    assert not [name for name in stack_values(settings, secrets) if name.endswith("_DIR")]
    elsewhere = settings.model_copy(update={"millrace_pipelines_dir": tmp_path / "specs"})
    values = stack_values(elsewhere, secrets)
    assert values["MILLRACE_PIPELINES_DIR"] == str(tmp_path / "specs")
    assert "MILLRACE_FEATURES_DIR" not in values


def test_a_program_beside_the_stack_finds_it(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("MILLRACE_PORT_BASE", "MLFLOW_TRACKING_URI", "AIRFLOW_PASSWORD", "DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    data = tmp_path / "with space"
    data.mkdir()
    secrets = credentials(tmp_path, "admin")
    write_stack_env(tmp_path, stack_values(stack_settings(settings.model_copy(update={"data_dir": data})), secrets))
    monkeypatch.setenv("MILLRACE_HOME", str(tmp_path))
    found = get_settings()
    get_settings.cache_clear()
    assert found.millrace_port_base == 32600
    assert found.mlflow == "http://127.0.0.1:32602"
    assert found.data_dir == data
    assert found.airflow_password is not None
    assert found.airflow_password.get_secret_value() == secrets.admin_password
    assert stack_env_file(tmp_path).stat().st_mode & 0o777 == 0o600


def test_what_holds_only_while_the_stack_runs_is_forgotten(settings: Settings, tmp_path: Path) -> None:
    write_stack_env(tmp_path, stack_values(stack_settings(settings), credentials(tmp_path, "admin")))
    forget_running(tmp_path)
    assert "MLFLOW_TRACKING_URI" not in read_stack_env(tmp_path)
    assert read_stack_env(tmp_path)["MILLRACE_PORT_BASE"] == "32600"


def test_mlflow_elsewhere_stays_elsewhere(settings: Settings, tmp_path: Path) -> None:
    elsewhere = settings.model_copy(update={"mlflow_tracking_uri": "https://mlflow.example.org"})
    assert not uses_embedded_mlflow(elsewhere)
    assert stack_settings(elsewhere).mlflow == "https://mlflow.example.org"
    # An address that a stack of this home wrote under another port base is the stack's own all the same.
    write_stack_env(tmp_path, {"MLFLOW_TRACKING_URI": "http://127.0.0.1:29002"})
    moved = settings.model_copy(update={"mlflow_tracking_uri": "http://127.0.0.1:29002"})
    assert stack_settings(moved).mlflow == "http://127.0.0.1:32602"
