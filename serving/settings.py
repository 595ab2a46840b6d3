"""The settings that only the service has; where everything is stands in `millrace.settings`."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from millrace.errors import SettingsError


class ServiceSettings(BaseSettings):
    """Limits of the service. Every field is an environment variable of the same name in capitals."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True)

    serving_batch_rows: int = Field(default=1_000, ge=1, description="Most rows of one JSON batch.")
    serving_body_bytes: int = Field(default=10_000_000, ge=1_000, description="Largest request body in bytes.")
    serving_body_seconds: float = Field(default=30.0, gt=0, description="How long a request body may take to arrive.")
    serving_threads: int = Field(default=2, ge=1, description="Predictions that are computed at the same time.")
    serving_waiting: int = Field(default=128, ge=0, description="Predictions that may wait; more are refused (503).")
    serving_log_level: str = Field(default="INFO", description="Level of the service's log.")


def service_settings(home: Path) -> ServiceSettings:
    """Read the service's settings: the environment first, then `stack.env`. Raises SettingsError."""
    try:
        return ServiceSettings(_env_file=home / "stack.env")
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors())
        raise SettingsError(f"The service's settings cannot be used: {problems}.") from error
