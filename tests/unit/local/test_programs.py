"""What the stack consists of, and that none of it is open to the network."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

from millrace.local.airflow import airflow_environment
from millrace.local.credentials import Credentials, credentials
from millrace.local.programs import Phase, service, stack_programs
from millrace.local.stack_env import stack_settings
from millrace.settings import Settings

PROJECT = Path(__file__).resolve().parents[3]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return stack_settings(Settings(millrace_home=tmp_path / "home", millrace_port_base=32700, _env_file=None))


@pytest.fixture
def secrets(tmp_path: Path) -> Credentials:
    return credentials(tmp_path / "home", "admin")


def test_all_ports_come_from_the_base_and_differ(settings: Settings, secrets: Credentials) -> None:
    ports = [program.port for program in stack_programs(settings, secrets) if program.port is not None]
    assert len(set(ports)) == len(ports) == 5
    assert all(32700 <= port < 32710 for port in ports)


def test_nothing_names_another_address(settings: Settings, secrets: Credentials) -> None:
    for program in stack_programs(settings, secrets):
        text = " ".join((*program.argv, *program.environment.values()))
        assert "0.0.0.0" not in text
        if program.port is not None:
            assert "127.0.0.1" in text, program.name


def test_secrets_are_on_no_command_line(settings: Settings, secrets: Credentials) -> None:
    told = " ".join(argument for program in stack_programs(settings, secrets) for argument in program.argv)
    assert not any(secret in told for secret in secrets.model_dump().values())


def test_a_server_elsewhere_is_not_started_here(settings: Settings, secrets: Credentials) -> None:
    elsewhere = Settings(
        millrace_home=settings.millrace_home,
        mongodb_uri="mongodb://db.example.org/",
        s3_endpoint_url="https://s3.example.org",
        aws_secret_access_key="secret",
        mlflow_tracking_uri="https://mlflow.example.org",
        airflow_url="https://airflow.example.org",
        _env_file=None,
    )
    assert [program.name for program in stack_programs(elsewhere, secrets)] == ["service"]


def test_stores_come_first(settings: Settings, secrets: Credentials) -> None:
    phases = {program.name: program.phase for program in stack_programs(settings, secrets)}
    assert {name for name, phase in phases.items() if phase is Phase.STORES} == {"mongodb", "s3"}


def test_airflow_knows_every_option_that_is_set(settings: Settings, secrets: Credentials) -> None:
    installed = find_spec("airflow")  # not imported: that takes seconds
    assert installed is not None
    template = Path(str(installed.origin)).with_name("config_templates") / "config.yml"
    known = {
        f"AIRFLOW__{section}__{option}".upper()
        for section, about in yaml.safe_load(template.read_text()).items()
        for option in about["options"]
    }
    # The options of the simple auth manager are read by it alone.
    known |= {"AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS", "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"}
    ours = {name for name in airflow_environment(settings, secrets) if name.startswith("AIRFLOW__")}
    assert ours <= known


@pytest.mark.parametrize(("command", "warm"), [("scheduler", True), ("api-server", False), ("dag-processor", False)])
def test_only_the_scheduler_loads_what_tasks_need(command: str, warm: bool) -> None:
    code = (
        "import importlib, sys, types; sys.argv = ['airflow', sys.argv[1]]; loaded = []\n"
        "importlib.import_module = lambda name: loaded.append(name) or types.ModuleType(name)\n"
        "import airflow_local_settings\n"
        "print('pandas' in loaded and 'millrace.pipeline' in loaded)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, command],
        check=False,
        env={"PYTHONPATH": str(PROJECT / "config")},
        capture_output=True,
        text=True,
    )
    assert ran.stdout.strip() == str(warm), ran.stderr


def test_the_limit_of_an_address_is_lifted_on_loopback_only(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SERVING_ANONYMOUS_LIMIT", raising=False)
    assert service(settings).environment == {"SERVING_ANONYMOUS_LIMIT": "1000/second"}
    assert service(settings.model_copy(update={"millrace_host": "10.0.0.5"})).environment == {}
    monkeypatch.setenv("SERVING_ANONYMOUS_LIMIT", "5/second")
    assert service(settings).environment == {}
