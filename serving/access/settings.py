"""The settings of access: who may come, how often, and with which secret tokens are signed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from millrace.accounts.settings import AccountSettings
from millrace.settings import Settings, read_settings
from serving.access.addresses import Networks
from serving.access.limits import Limit, read_limit

_LOCAL = {"127.0.0.1", "localhost", "::1"}


class AccessSettings(AccountSettings):
    """Every field is an environment variable of the same name in capitals."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True)

    serving_anonymous_role: Literal["none", "viewer", "operator", "admin"] | None = Field(
        default=None, description="Role of callers without a name; default: viewer while MongoDB is on this machine."
    )
    serving_anonymous_limit: str = Field(
        default="10/second", description="Requests of one address without a name; 'none' for no limit."
    )
    serving_user_limit: str = Field(default="100/second", description="Requests of one user; 'none' for no limit.")
    redis_url: SecretStr | None = Field(default=None, description="Redis, where limits are counted for all workers.")
    serving_jwt_secret: SecretStr | None = Field(
        default=None, min_length=32, description="Signs tokens; default: made once, in MILLRACE_HOME/secrets."
    )
    serving_jwt_secret_file: Path | None = Field(default=None, description="A file that holds that secret.")
    serving_access_minutes: float = Field(default=15, gt=0, description="How long an access token counts.")
    serving_session_days: float = Field(default=30, gt=0, description="How long a session lives without use.")
    serving_identity_seconds: float = Field(
        default=5, ge=0, description="How soon a withdrawn key or session is noticed."
    )
    serving_identity_grace_seconds: float = Field(
        default=3600, ge=0, description="How long known callers may go on while MongoDB is away."
    )
    serving_allowed_addresses: str = Field(default="", description="Only these addresses (CIDR, by commas) may come.")
    serving_trusted_proxies: str = Field(default="", description="Proxies whose X-Forwarded-For is believed.")
    serving_cors_origins: str = Field(default="", description="Origins of other sites' pages that may call, by commas.")

    @field_validator("redis_url")
    @classmethod
    def _redis(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and not url.get_secret_value().startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("write it as redis://HOST:PORT/0, rediss:// for TLS, or unix:///PATH")
        return url

    @field_validator("serving_allowed_addresses", "serving_trusted_proxies")
    @classmethod
    def _addresses(cls, written: str) -> str:
        Networks(written)
        return written

    @field_validator("serving_anonymous_limit", "serving_user_limit")
    @classmethod
    def _limit(cls, written: str) -> str:
        read_limit(written)
        return written

    @field_validator("serving_plans")
    @classmethod
    def _limits_of_plans(cls, written: str) -> str:
        _read_plans(written)
        return written

    @property
    def plans(self) -> dict[str, Limit]:
        """The limits by the name of their plan."""
        return _read_plans(self.serving_plans)

    @property
    def origins(self) -> list[str]:
        """The origins that may call from a browser."""
        return [origin.strip() for origin in self.serving_cors_origins.split(",") if origin.strip()]

    def anonymous_role(self, settings: Settings) -> str:
        """The role of callers without a name: open on one machine, closed elsewhere, unless it is set."""
        if self.serving_anonymous_role is not None:
            return self.serving_anonymous_role
        return "viewer" if urlsplit(settings.mongodb.partition(",")[0]).hostname in _LOCAL else "none"


def _read_plans(written: str) -> dict[str, Limit]:
    return {name: read_limit(str(limit)) for name, limit in json.loads(written).items()}


def access_settings(home: Path) -> AccessSettings:
    """Read the settings: the environment first, then `stack.env`. Raises SettingsError."""
    return read_settings(AccessSettings, home)
