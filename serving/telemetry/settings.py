"""Where errors and spans are sent, by the names that Sentry and OpenTelemetry themselves use."""

from __future__ import annotations

from pathlib import Path

from pydantic import AnyHttpUrl, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from millrace.settings import read_settings


class TelemetrySettings(BaseSettings):
    """Every field is an environment variable of the same name in capitals. OpenTelemetry reads OTEL_... ones itself."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True)

    sentry_dsn: SecretStr | None = Field(
        default=None, description="Where unexpected errors are sent; not set: nowhere."
    )
    sentry_environment: str = Field(default="production", description="The name under which Sentry files them.")
    otel_exporter_otlp_endpoint: AnyHttpUrl | None = Field(
        default=None, description="An OTLP collector for HTTP, e.g. http://collector:4318; not set: no spans."
    )
    otel_service_name: str = Field(default="millrace", description="The service's name in its spans.")


def telemetry_settings(home: Path) -> TelemetrySettings:
    """Read the settings: the environment first, then `stack.env`. Raises SettingsError."""
    return read_settings(TelemetrySettings, home, _env_ignore_empty=True)
