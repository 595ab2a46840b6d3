"""Where alerts go. Every field is an environment variable of the same name in capitals."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from millrace.errors import did_you_mean
from millrace.settings import read_settings

CHANNELS = ("log", "webhook", "email")


class AlertSettings(BaseSettings):
    """The channels of alerts and their addresses."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True)

    alert_channels: str = Field(default="log", description="Where alerts go, by commas: log, webhook, email.")
    alert_retry_hours: float = Field(
        default=72, gt=0, description="How long a delivery is tried; after that it is kept as failed."
    )
    alert_seconds: float = Field(default=10.0, gt=0, description="How often the service looks for news to deliver.")
    alert_webhook_url: str | None = Field(default=None, description="Address that gets each alert by POST, as JSON.")
    alert_webhook_secret: SecretStr | None = Field(
        default=None, description="Key of the signature (HMAC-SHA256) that the receiver checks."
    )
    alert_email_host: str | None = Field(default=None, description="Mail server.")
    alert_email_port: int = Field(default=587, ge=1, le=65535, description="Port of the mail server.")
    alert_email_tls: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="How the mail server is spoken to; none: only on a network of one's own."
    )
    alert_email_user: str | None = Field(default=None, description="User at the mail server; none: no login.")
    alert_email_password: SecretStr | None = Field(default=None, description="Password at the mail server.")
    alert_email_from: str = Field(default="millrace@localhost", description="Sender.")
    alert_email_to: str = Field(default="", description="Receivers, by commas.")
    alert_email_ca: Path | None = Field(default=None, description="Certificates to trust besides the system's.")

    @model_validator(mode="after")
    def _complete(self) -> AlertSettings:
        for name in self.channels:
            if name not in CHANNELS:
                raise ValueError(f"ALERT_CHANNELS names '{name}'. {did_you_mean(name, CHANNELS)}")
        if "webhook" in self.channels and not (self.alert_webhook_url or "").startswith(("http://", "https://")):
            raise ValueError("ALERT_CHANNELS names webhook; set ALERT_WEBHOOK_URL to an http(s) address")
        if "email" in self.channels and not (self.alert_email_host and self.receivers):
            raise ValueError("ALERT_CHANNELS names email; set ALERT_EMAIL_HOST and ALERT_EMAIL_TO")
        if self.alert_email_user and self.alert_email_tls == "none":
            raise ValueError("ALERT_EMAIL_USER is set, but ALERT_EMAIL_TLS=none would send the password in the clear")
        return self

    @property
    def channels(self) -> list[str]:
        """The channels by name."""
        return _listed(self.alert_channels)

    @property
    def receivers(self) -> list[str]:
        """Who gets mail."""
        return _listed(self.alert_email_to)


def alert_settings(home: Path) -> AlertSettings:
    """Read the settings: the environment first, then `stack.env`. Raises SettingsError."""
    return read_settings(AlertSettings, home)


def _listed(text: str) -> list[str]:
    return list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
