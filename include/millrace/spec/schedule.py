"""The key `schedule` of a spec: a cron expression or a preset, or the assets whose update starts a run.

It knows what Airflow can run; whether those assets are ever made is for the catalogue to find out.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from croniter import CroniterBadDateError, croniter
from pydantic import Field, field_validator

from millrace.strict import StrictModel

PRESETS = ("@once", "@hourly", "@daily", "@weekly", "@monthly", "@quarterly", "@yearly", "@continuous")
_FIELDS = 5
_CHANCE = re.compile(r"(?<![A-Z])[RH](?![A-Z])", re.IGNORECASE)
_ANY_YEAR = datetime(2024, 1, 1, tzinfo=UTC)


class AssetSchedule(StrictModel):
    """Run whenever all of these assets have been updated: `model/<pipeline>` or `dataset/<pipeline>`."""

    assets: list[str] = Field(min_length=1, description="model/<pipeline> or dataset/<pipeline>.")

    @field_validator("assets")
    @classmethod
    def _known_kind(cls, assets: list[str]) -> list[str]:
        for asset in assets:
            kind, _, name = asset.partition("/")
            if kind not in {"model", "dataset"} or not name:
                raise ValueError(f"'{asset}' is no asset of a pipeline. Allowed: model/<pipeline>, dataset/<pipeline>.")
        return assets


def checked_cron(schedule: str, words: tuple[str, ...] = PRESETS) -> str:
    """One of the words, or a cron expression that Airflow can run by and whose time comes; ValueError otherwise."""
    if schedule in words:
        return schedule
    # Seconds and years are not Airflow's; with R every reading of the spec would give another time.
    if len(schedule.split()) != _FIELDS or _CHANCE.search(schedule) or not croniter.is_valid(schedule):
        raise ValueError(
            f"'{schedule}' is neither a cron expression nor a preset. Allowed: five fields such as '0 6 * * *', "
            f"{', '.join(words)}."
        )
    try:
        croniter(schedule, _ANY_YEAR).get_next()
    except CroniterBadDateError as error:
        raise ValueError(f"'{schedule}' is a time that never comes. Check its day and its month.") from error
    return schedule
