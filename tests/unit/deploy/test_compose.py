"""docker-compose.yml: valid by the Compose specification, and the same parts and settings as the embedded stack."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from millrace.settings import Settings
from serving.access.settings import AccessSettings

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return YAML(typ="safe", pure=True).load((ROOT / "docker-compose.yml").read_text())


def test_valid_by_the_compose_specification(compose: dict[str, Any]) -> None:
    schema = json.loads((Path(__file__).parent / "compose-spec.json").read_text())
    jsonschema.Draft7Validator(schema).validate(compose)


def test_every_part_of_the_stack_is_there(compose: dict[str, Any]) -> None:
    parts = {"mongodb", "s3", "postgres", "mlflow", "service"}
    airflow = {f"airflow-{name}" for name in ("api", "scheduler", "dag-processor", "triggerer")}
    assert parts | airflow <= set(compose["services"])


def test_ports_are_published_on_loopback_only(compose: dict[str, Any]) -> None:
    published = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_no_secret_has_a_default(compose: dict[str, Any]) -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    secrets = re.findall(r"\$\{(\w*(?:PASSWORD|SECRET|KEY)\w*)(:[-?])?", text)
    assert secrets
    assert [name for name, kind in secrets if kind == ":-" and not name.endswith("_FILE")] == []


def test_millraces_settings_are_known_ones(compose: dict[str, Any]) -> None:
    known = {name.upper() for kind in (Settings, AccessSettings) for name in kind.model_fields}
    others = ("AIRFLOW__", "MLFLOW_DISABLE", "MLFLOW_S3", "GX_")
    environment = compose["services"]["service"]["environment"]
    assert [name for name in environment if name not in known and not name.startswith(others)] == []


def test_every_mounted_file_exists(compose: dict[str, Any]) -> None:
    sources = {
        volume.partition(":")[0]
        for service in compose["services"].values()
        for volume in service.get("volumes", [])
        if volume.startswith("./")
    }
    assert sources
    assert [source for source in sources if not (ROOT / source).exists()] == []


def test_airflow_may_write_the_file_of_its_passwords(compose: dict[str, Any], tmp_path: Path) -> None:
    """SimpleAuthManager opens it for appending: on a read-only mount the API server would not start."""
    environment = compose["services"]["airflow-api"]["environment"]
    file = Path(environment["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"])
    writable = [v.split(":")[1] for v in compose["services"]["airflow-api"]["volumes"] if not v.endswith(":ro")]
    assert any(file.is_relative_to(folder) for folder in writable)
    script = (ROOT / "deploy" / "prepare.sh").read_text()
    here = tmp_path / "airflow" / "passwords.json"
    values = {
        "AIRFLOW_HOME": str(here.parent),
        "AIRFLOW_USERNAME": "admin",
        "AIRFLOW_PASSWORD": 'a"b',
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(here),
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
    }
    subprocess.run(["sh", "-c", script.partition("airflow db")[0]], env=values, check=True)
    assert json.loads(here.read_text()) == {"admin": 'a"b'}
    assert here.stat().st_mode & 0o077 == 0


def test_a_store_is_healthy_only_once_it_listens_on_the_network(compose: dict[str, Any]) -> None:
    """The images of MongoDB and PostgreSQL first run a server for their own set-up, which then stops."""
    checks = {name: compose["services"][name]["healthcheck"]["test"] for name in ("mongodb", "postgres")}
    assert checks["mongodb"][checks["mongodb"].index("--host") + 1] == "mongodb"
    assert "-h" in checks["postgres"]
