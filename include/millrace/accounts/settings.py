"""The settings of accounts that the service and the command line both need."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from millrace.settings import read_settings

STANDARD = "standard"


class AccountSettings(BaseSettings):
    """Every field is an environment variable of the same name in capitals."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True)

    serving_plans: str = Field(
        default='{"standard": "100/second", "bulk": "2000/second", "unlimited": "none"}',
        description="The limits that an API key can have, by name, as JSON.",
    )
    serving_reset_minutes: float = Field(default=60, gt=0, description="How long a reset token counts.")

    @field_validator("serving_plans")
    @classmethod
    def _plans(cls, written: str) -> str:
        if not isinstance(json.loads(written), dict):
            raise ValueError('an object of names and limits is wanted, such as {"standard": "100/second"}')
        return written

    @property
    def plan_names(self) -> list[str]:
        """The names of the plans that a key can have."""
        return sorted(json.loads(self.serving_plans))


def account_settings(home: Path) -> AccountSettings:
    """Read the settings: the environment first, then `stack.env`. Raises SettingsError."""
    return read_settings(AccountSettings, home)
