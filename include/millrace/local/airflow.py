"""Airflow's configuration in the embedded stack, as environment variables.

What is not set here can be set in `MILLRACE_HOME/airflow/airflow.cfg`. The Airflow variables of the shell that starts
the stack do not count: they belong to another installation.
"""

from __future__ import annotations

import os
from pathlib import Path

from millrace.errors import StackError
from millrace.local.credentials import Credentials, airflow_passwords_file
from millrace.settings import PORTS, PROJECT, Settings

PARALLEL_TASKS = 4


def require_dags() -> None:
    """Refuse to start an Airflow that would have no DAGs. Raises StackError."""
    if not (PROJECT / "dags").is_dir():
        raise StackError(
            f"There is no folder '{PROJECT / 'dags'}': the package alone has no DAGs; a checkout of Millrace has.",
            hint="Start the stack in a checkout. Without one, 'millrace run SPEC --local' runs a pipeline.",
        )


def airflow_home(settings: Settings) -> Path:
    """AIRFLOW_HOME of this stack."""
    return settings.millrace_home / "airflow"


def airflow_database(settings: Settings) -> Path:
    """Airflow's metadata database."""
    return airflow_home(settings) / "airflow.db"


def airflow_environment(settings: Settings, credentials: Credentials) -> dict[str, str]:
    """All of it."""
    groups = (_places(settings), _addresses(settings), _secrets(settings, credentials), _BEHAVIOUR, _PACE, _ENDURANCE)
    environment = {f"AIRFLOW__{key}": value for group in groups for key, value in group.items()}
    # `config/airflow_local_settings.py` is found here; Airflow imports it by name.
    path = os.pathsep.join(filter(None, (str(PROJECT / "config"), os.environ.get("PYTHONPATH"))))
    return {"AIRFLOW_HOME": str(airflow_home(settings)), "PYTHONPATH": path, **environment}


def _places(settings: Settings) -> dict[str, str]:
    logs = settings.millrace_home / "logs" / "airflow"
    return {
        "CORE__DAGS_FOLDER": str(PROJECT / "dags"),
        "CORE__PLUGINS_FOLDER": str(PROJECT / "plugins"),
        "LOGGING__BASE_LOG_FOLDER": str(logs),
        "LOGGING__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY": str(logs / "dag_processor"),
        "DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{airflow_database(settings)}?timeout=30",
    }


def _addresses(settings: Settings) -> dict[str, str]:
    host, port = settings.millrace_host, settings.port(PORTS["airflow"])
    return {
        "API__HOST": host,
        "API__PORT": str(port),
        "API__BASE_URL": f"http://{host}:{port}",
        "CORE__EXECUTION_API_SERVER_URL": f"http://{host}:{port}/execution/",
        # Nothing listens on these two here, but the defaults would be those of any other Airflow on this machine.
        "LOGGING__WORKER_LOG_SERVER_PORT": str(settings.port(PORTS["airflow_worker_log"])),
        "LOGGING__TRIGGER_LOG_SERVER_PORT": str(settings.port(PORTS["airflow_trigger_log"])),
        "CORE__HOSTNAME_CALLABLE": "socket.gethostname",  # the default asks the DNS
    }


def _secrets(settings: Settings, credentials: Credentials) -> dict[str, str]:
    return {
        "API_AUTH__JWT_SECRET": credentials.jwt_secret,
        "API__SECRET_KEY": credentials.secret_key,
        "CORE__FERNET_KEY": credentials.fernet_key,
        "CORE__SIMPLE_AUTH_MANAGER_USERS": f"{settings.airflow_username}:admin",
        "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(airflow_passwords_file(settings.millrace_home)),
    }


_BEHAVIOUR = {
    "CORE__EXECUTOR": "LocalExecutor",
    "CORE__LOAD_EXAMPLES": "False",
    "CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
    "CORE__DAGBAG_IMPORT_ERROR_TRACEBACKS": "False",  # a broken spec's sentences without a stack trace
    "API__INSTANCE_NAME": "Millrace",
    "API__EXPOSE_CONFIG": "False",
    "LOGGING__DAG_PROCESSOR_LOG_TARGET": "stdout",  # rotated with the program's log; files would only grow
    "LOGGING__COLORED_CONSOLE_LOG": "False",
}

_PACE = {
    "CORE__PARALLELISM": str(PARALLEL_TASKS),
    "CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "1",
    "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.06",  # each look costs 10 to 15 ms; each stage waits half of this
    # A worker that misses the end of its task looks again after this long, and holds its place meanwhile.
    "WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
    "DAG_PROCESSOR__PARSING_PROCESSES": "1",
    "DAG_PROCESSOR__REFRESH_INTERVAL": "10",
    "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "15",  # what cannot wait asks for a parse
    "DAG_PROCESSOR__PRINT_STATS_INTERVAL": "0",
}

# Two busy cores answer late; a short restart of the API server must not cost a running task its life.
_ENDURANCE = {
    "WORKERS__EXECUTION_API_TIMEOUT": "20",
    "WORKERS__MAX_FAILED_HEARTBEATS": "50",
    "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
}
