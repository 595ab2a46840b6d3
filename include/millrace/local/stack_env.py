"""`MILLRACE_HOME/stack.env`: what a program started beside the stack needs to find it.

`millrace.settings` reads the file; the stack writes it. What holds only while the stack runs leaves it when it stops.
"""

from __future__ import annotations

from pathlib import Path

from dotenv import dotenv_values

from millrace.local.credentials import Credentials
from millrace.local.private_files import write_private
from millrace.settings import PORTS, Settings, get_settings

RUNNING_ONLY = ("MLFLOW_TRACKING_URI",)


def stack_env_file(home: Path) -> Path:
    """Where the file is."""
    return home / "stack.env"


def read_stack_env(home: Path) -> dict[str, str]:
    """What the file holds; empty before the first start."""
    path = stack_env_file(home)
    values = dotenv_values(path, interpolate=False) if path.exists() else {}
    return {name: value for name, value in values.items() if value is not None}


def write_stack_env(home: Path, values: dict[str, str]) -> None:
    """Replace the file, and let this process read its settings anew."""
    text = "# Written by `millrace up`. The environment overrides it.\n"
    text += "".join(f"{name}={_quoted(value)}\n" for name, value in sorted(values.items()))
    path = stack_env_file(home)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        write_private(path, text)
    get_settings.cache_clear()


def forget_running(home: Path) -> None:
    """Take out what holds only while the stack runs."""
    values = read_stack_env(home)
    if any(name in values for name in RUNNING_ONLY):
        write_stack_env(home, {name: value for name, value in values.items() if name not in RUNNING_ONLY})


def embedded_mlflow(settings: Settings) -> str:
    """The address of the stack's own MLflow server."""
    return f"http://{settings.millrace_host}:{settings.port(PORTS['mlflow'])}"


def uses_embedded_mlflow(settings: Settings) -> bool:
    """Whether MLflow is the stack's own: no address is set, or it is the one that a stack of this home wrote."""
    recorded = read_stack_env(settings.millrace_home).get("MLFLOW_TRACKING_URI")
    return settings.mlflow_tracking_uri in {None, recorded, embedded_mlflow(settings)}


def stack_settings(settings: Settings) -> Settings:
    """The settings of the stack's own programs: MLflow is its server, never the database behind it."""
    uri = embedded_mlflow(settings) if uses_embedded_mlflow(settings) else settings.mlflow_tracking_uri
    return settings.model_copy(update={"mlflow_tracking_uri": uri})


def stack_values(settings: Settings, secrets: Credentials) -> dict[str, str]:
    """What a program beside the stack must know."""
    values = {
        "MILLRACE_PORT_BASE": str(settings.millrace_port_base),
        "MLFLOW_TRACKING_URI": settings.mlflow,
        "AIRFLOW_USERNAME": settings.airflow_username,
        "AIRFLOW_PASSWORD": secrets.admin_password,
        "DATA_DIR": str(settings.data_dir.resolve()) if settings.data_dir else "",
        **_folders_elsewhere(settings),
    }
    return {name: value for name, value in values.items() if value}


def _folders_elsewhere(settings: Settings) -> dict[str, str]:
    """The folders of specs that are not those of the checkout."""
    names = ("millrace_pipelines_dir", "millrace_features_dir")
    usual = {name: type(settings).model_fields[name].default for name in names}
    return {
        name.upper(): str(getattr(settings, name).resolve()) for name in names if getattr(settings, name) != usual[name]
    }


def program_environment(settings: Settings) -> dict[str, str]:
    """The environment that all programs of the stack share, beside what they inherit."""
    values = {
        "MILLRACE_HOME": str(settings.millrace_home),
        "MILLRACE_PORT_BASE": str(settings.millrace_port_base),
        "MILLRACE_PIPELINES_DIR": str(settings.millrace_pipelines_dir),
        "DATA_DIR": str(settings.data_dir.resolve()) if settings.data_dir else "",
        "MLFLOW_TRACKING_URI": settings.mlflow,
        "MLFLOW_S3_ENDPOINT_URL": settings.s3_endpoint,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "GX_ANALYTICS_ENABLED": "false",
        "AWS_ACCESS_KEY_ID": settings.aws_access_key_id.get_secret_value(),
        "AWS_SECRET_ACCESS_KEY": settings.aws_secret_access_key.get_secret_value(),
        "AWS_DEFAULT_REGION": settings.aws_default_region,
        "PYTHONUNBUFFERED": "1",
        # Threads that wait for one another by spinning make trainings side by side several times slower.
        "OMP_WAIT_POLICY": "PASSIVE",
    }
    return {name: value for name, value in values.items() if value}


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
