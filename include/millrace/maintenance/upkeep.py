"""What is done for an installation by itself, and when: the settings of a scheduler's upkeep, and its two steps."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from millrace.settings import get_settings, read_settings
from millrace.spec.duration import Duration
from millrace.spec.schedule import checked_cron


class Upkeep(BaseSettings):
    """When the installation is backed up and pruned; by default never."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True)

    upkeep_schedule: str | None = Field(
        default=None, description="Cron or preset of the DAG `millrace.upkeep`; default: there is no such DAG."
    )
    backup_to: str | None = Field(
        default=None, description="Where its backups go: a folder or s3://bucket/prefix; default: none are made."
    )
    prune_keep: int | None = Field(
        default=None, ge=0, description="How many of the newest runs and checks of each pipeline its pruning keeps."
    )
    prune_older_than: Duration | None = Field(
        default=None, description="Only what is older is pruned: 30d, 12w. Without either of the two, nothing is."
    )

    @field_validator("upkeep_schedule")
    @classmethod
    def _readable(cls, schedule: str | None) -> str | None:
        return None if schedule is None else checked_cron(schedule, ("@daily", "@weekly", "@monthly"))

    @model_validator(mode="after")
    def _something_to_do(self) -> Upkeep:
        if self.upkeep_schedule is not None and {self.backup_to, self.prune_keep, self.prune_older_than} == {None}:
            raise ValueError("UPKEEP_SCHEDULE says when, and nothing says what: set BACKUP_TO, PRUNE_KEEP, or both")
        return self


def upkeep() -> Upkeep:
    """The settings in force. Raises SettingsError."""
    return read_settings(Upkeep)


def back_up_now() -> dict[str, Any]:
    """Make the backup that the settings ask for; where it is and what it holds. Raises StorageError."""
    from millrace.maintenance.archive import new_archive
    from millrace.maintenance.backup import back_up

    settings, now = get_settings(), datetime.now(UTC)
    archive, is_elsewhere = new_archive(settings, upkeep().backup_to, now)
    manifest = back_up(settings, archive, now, is_elsewhere)
    return {"where": archive.where, "files": len(manifest.parts), "bytes": sum(part.bytes for part in manifest.parts)}


def prune_now() -> dict[str, Any]:
    """Remove what the settings let go; how much of it there was. Raises StorageError."""
    from millrace.maintenance.prune import prune
    from millrace.maintenance.retention import Rules

    wanted = upkeep()
    gone = prune(get_settings(), Rules(wanted.prune_keep, wanted.prune_older_than), datetime.now(UTC))
    counts = {f"{kind}s": gone.count(kind) for kind in ("run", "dataset", "check")}
    return {**counts, "bytes": gone.size, "postponed": len(gone.postponed)}
