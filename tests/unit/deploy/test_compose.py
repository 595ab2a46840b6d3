"""docker-compose.yml: valid by the Compose specification, and the same parts and settings as the embedded stack."""

from __future__ import annotations

import json
import re
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
    others = ("AIRFLOW__", "MLFLOW_DISABLE", "GX_")
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
