"""Where everything is: addresses, credentials, folders and ports of one Millrace installation.

Every field is an environment variable of the same name in capitals. `MILLRACE_HOME/stack.env`, which the embedded
stack writes, fills what the environment leaves open; so a program started beside a running stack finds it.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from millrace.errors import SettingsError

DEFAULT_PORT_BASE = 27600
EMBEDDED_S3_KEY = "test"
Kind = TypeVar("Kind", bound=BaseSettings)


def project_folder(module: Path) -> Path:
    """The checkout that `module` stands in; the working folder where the package is installed without one."""
    checkout = module.resolve().parents[2]
    return checkout if (checkout / "dags").is_dir() else Path.cwd()


PROJECT = project_folder(Path(__file__))


class Home(BaseSettings):
    """The two settings that must be known before `stack.env` can be found."""

    model_config = SettingsConfigDict(extra="ignore")

    millrace_home: Path = Field(default=PROJECT / ".millrace", description="Folder that holds all state.")


class Settings(BaseSettings):
    """Settings of the library, shared by the CLI, the DAGs and the service."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True)

    millrace_home: Path = Field(default=PROJECT / ".millrace", description="Folder that holds all state.")
    millrace_port_base: int = Field(
        default=DEFAULT_PORT_BASE, ge=1024, le=65000, description="First of the ports of the embedded stack."
    )
    millrace_host: str = Field(default="127.0.0.1", description="Address that the embedded servers bind to.")
    millrace_start_seconds: float = Field(
        default=240.0, gt=0, description="How long the embedded stack may take until it is healthy."
    )
    millrace_pipelines_dir: Path = Field(
        default=PROJECT / "include" / "pipelines", description="Folder with the pipeline specs, one YAML file each."
    )
    millrace_features_dir: Path = Field(
        default=PROJECT / "include" / "features", description="Folder with the named feature sets, one YAML file each."
    )
    data_dir: Path | None = Field(default=None, description="Folder that specs name as ${DATA_DIR}.")
    millrace_spec_hosts: str = Field(
        default="",
        description="Hosts that specs made through the API may connect to, by commas: host, host:port or *.domain.",
    )
    millrace_spec_folders: str | None = Field(
        default=None, description="Folders whose files such specs may read, by commas; default: DATA_DIR."
    )
    millrace_spec_variables: str = Field(
        default="DATA_DIR", description="Environment variables that such specs may name, by commas."
    )

    mongodb_uri: SecretStr | None = Field(default=None, description="MongoDB; default: the embedded server's port.")
    mongodb_database: str = Field(default="millrace", description="Database for the platform's collections.")
    s3_endpoint_url: str | None = Field(default=None, description="S3 endpoint; default: the embedded server's port.")
    s3_bucket: str = Field(default="millrace", description="Bucket for datasets, runs and models.")
    aws_access_key_id: SecretStr = Field(default=SecretStr(EMBEDDED_S3_KEY), description="S3 access key.")
    aws_secret_access_key: SecretStr = Field(default=SecretStr(EMBEDDED_S3_KEY), description="S3 secret key.")
    aws_default_region: str = Field(default="us-east-1", description="S3 region.")
    mlflow_tracking_uri: str | None = Field(
        default=None, description="MLflow server or SQLAlchemy URL; default: the embedded server's SQLite store."
    )
    airflow_url: str | None = Field(default=None, description="Airflow's API; default: the embedded server's port.")
    airflow_username: str = Field(default="admin", description="User for Airflow's API.")
    airflow_password: SecretStr | None = Field(default=None, description="Password for Airflow's API.")
    millrace_credential_keys: SecretStr | None = Field(
        default=None, description="Fernet keys of stored credentials, newest first, by commas; default: made once."
    )
    millrace_credential_keys_file: Path | None = Field(
        default=None, description="A file that holds these keys, one on a line, newest first."
    )
    service_url: str | None = Field(default=None, description="Millrace's service; default: the embedded port.")
    service_tls_cert: Path | None = Field(
        default=None, description="Certificate (with its chain, PEM) with which the service answers by https itself."
    )
    service_tls_key: Path | None = Field(default=None, description="Private key of that certificate (PEM).")
    table_memory_mb: int | None = Field(
        default=None,
        ge=1,
        description="Most memory (MiB) of a step that needs a whole table; default: all that is free.",
    )
    model_poll_seconds: float = Field(default=2.0, gt=0, description="How often the service looks for a new champion.")

    @model_validator(mode="after")
    def _refuse_default_secrets_elsewhere(self) -> Settings:
        host = urlsplit(self.s3_endpoint).hostname or ""
        if self.aws_secret_access_key.get_secret_value() == EMBEDDED_S3_KEY and host not in {"127.0.0.1", "localhost"}:
            raise ValueError(
                f"S3_ENDPOINT_URL names {host}, but AWS_SECRET_ACCESS_KEY is the embedded stack's default secret; "
                "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            )
        return self

    @model_validator(mode="after")
    def _certificate_and_key(self) -> Settings:
        if (self.service_tls_cert is None) != (self.service_tls_key is None):
            raise ValueError("SERVICE_TLS_CERT and SERVICE_TLS_KEY belong together; set both or neither")
        for name in ("service_tls_cert", "service_tls_key"):
            path: Path | None = getattr(self, name)
            if path is not None and not path.is_file():
                raise ValueError(f"{name.upper()} names {path}, which is no file")
        return self

    def port(self, offset: int) -> int:
        """The port at this offset from the base; `PORTS` names the offsets."""
        return self.millrace_port_base + offset

    @property
    def made_specs_dir(self) -> Path:
        """Where this machine keeps the present specs of the pipelines that were made through the API."""
        return self.millrace_home / "specs"

    @property
    def mongodb(self) -> str:
        """The MongoDB URI in force."""
        if self.mongodb_uri is not None:
            return self.mongodb_uri.get_secret_value()
        return f"mongodb://{self.millrace_host}:{self.port(PORTS['mongodb'])}/"

    @property
    def s3_endpoint(self) -> str:
        """The S3 endpoint in force."""
        return self.s3_endpoint_url or f"http://{self.millrace_host}:{self.port(PORTS['s3'])}"

    @property
    def mlflow(self) -> str:
        """The MLflow tracking and registry URI in force."""
        return self.mlflow_tracking_uri or f"sqlite:///{self.millrace_home / 'mlflow' / 'mlflow.db'}"

    @property
    def airflow(self) -> str:
        """The base URL of Airflow in force."""
        return self.airflow_url or f"http://{self.millrace_host}:{self.port(PORTS['airflow'])}"

    @property
    def service(self) -> str:
        """The base URL of Millrace's service in force."""
        scheme = "http" if self.service_tls_cert is None else "https"
        return self.service_url or f"{scheme}://{self.millrace_host}:{self.port(PORTS['service'])}"


PORTS = {
    "service": 0,
    "airflow": 1,
    "mlflow": 2,
    "mongodb": 3,
    "s3": 4,
    "airflow_worker_log": 5,
    "airflow_trigger_log": 6,
}
"""Offsets from the port base, one for each part of the embedded stack."""


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The settings of this process: the environment first, then `stack.env` of the embedded stack.

    Raises SettingsError that names the variable and what is wrong with it.
    """
    home = read_settings(Home).millrace_home.expanduser().resolve()
    return read_settings(Settings, home, millrace_home=home)


def read_settings(kind: type[Kind], home: Path | None = None, **given: Any) -> Kind:
    """One class of settings: what is given, then the environment, then `stack.env` of this home.

    Raises SettingsError that names the variable and what is wrong with it.
    """
    try:
        return kind(_env_file=None if home is None else home / "stack.env", **given)
    except ValidationError as error:
        # Without its cause: that quotes what was found, which may be a secret.
        raise SettingsError(f"The settings cannot be used: {'; '.join(map(_said, error.errors()))}.") from None


def _said(problem: Any) -> str:
    name = ".".join(map(str, problem["loc"])).upper()
    sentence = str(problem["msg"]).removeprefix("Value error, ")
    return f"{name}: {sentence}" if name else sentence
