"""Moves the alias `champion` by a person's hand: promote a version, or go back to the one before.

Both hold the lock that a run's own promotion holds, so that a champion is decided by one at a time.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime

from millrace.errors import NotFoundError, did_you_mean
from millrace.stores.base import ModelRegistry, RunStore

CHAMPION = "champion"
LEFT_TAG = "millrace.rolled_back"
"""Tag of a version that was rolled back from: a run does not promote it again, a person may."""
WAIT_SECONDS = 900.0
"""How long a move waits for a run that is deciding on the champion."""


@dataclass(frozen=True)
class Move:
    """What became of the alias: `before` is the champion until then; nothing moved where both are one."""

    name: str
    before: str | None
    champion: str

    @property
    def moved(self) -> bool:
        """Whether the champion is another one now."""
        return self.before != self.champion


def promote(
    registry: ModelRegistry, runs: RunStore, name: str, version: str, by: str, wait_seconds: float = WAIT_SECONDS
) -> Move:
    """Make a version the champion; repeating it changes nothing. Raises NotFoundError or ConflictError."""
    with runs.lock(f"champion/{name}", by, wait_seconds=wait_seconds):
        _require(registry, name, version)
        move = Move(name, _present(registry, name), version)
        if move.moved:
            registry.set_alias(name, CHAMPION, version)
            registry.tag_version(name, version, {LEFT_TAG: ""})
            _record(runs, move, by, "promoted")
        return move


def roll_back(
    registry: ModelRegistry,
    runs: RunStore,
    name: str,
    by: str,
    only_from: str | None = None,
    wait_seconds: float = WAIT_SECONDS,
) -> Move:
    """Make the champion before the present one the champion again; a further call goes further back.

    With `only_from`, it moves only while that version is the champion, so that a repeated call changes nothing.
    Raises NotFoundError, or ConflictError after a wait.
    """
    with runs.lock(f"champion/{name}", by, wait_seconds=wait_seconds):
        present = _present(registry, name)
        if present is None:
            raise NotFoundError(f"The model '{name}' has no champion.", hint=_known(registry, name))
        if only_from not in {None, present}:
            return Move(name, present, present)
        earlier = before(registry.champions(name), present)
        if earlier is None:
            raise NotFoundError(
                f"Version {present} is the first champion of '{name}'; there is none before it.",
                hint=f"Name the one you want: millrace models promote {name} VERSION.",
            )
        registry.tag_version(name, present, {LEFT_TAG: by})
        registry.return_to(name, earlier)
        move = Move(name, present, earlier)
        _record(runs, move, by, f"rolled back from {present}")
        return move


def previous(registry: ModelRegistry, name: str) -> str | None:
    """The version that a rollback would return to; None where there is none."""
    present = _present(registry, name)
    return before(registry.champions(name), present) if present is not None else None


def before(past: list[str], present: str) -> str | None:
    """The champion before `present`, which may have been moved there from outside; None where it was the first."""
    if present in past:
        past = past[: len(past) - 1 - past[::-1].index(present)]
    return past[-1] if past else None


def _record(runs: RunStore, move: Move, by: str, how: str) -> None:
    now = datetime.now(UTC)
    mark = {"champion_since": now, "champion_by": by, "champion_how": how}
    runs.record_model({"name": move.name, "version": move.champion, **mark})
    runs.record_decision(
        {
            "_id": f"{move.name}/{uuid.uuid4().hex}",
            "model": move.name,
            "version": move.champion,
            "kind": "move",
            "outcome": how.partition(" from ")[0].replace(" ", "_"),
            "reason": f"{how[0].upper()}{how[1:]} by {by}; the champion before was {move.before or 'none'}.",
            "by": by,
            "at": now,
        }
    )


def _present(registry: ModelRegistry, name: str) -> str | None:
    champion = registry.champion(name)
    return champion.version if champion else None


def _require(registry: ModelRegistry, name: str, version: str) -> None:
    versions = [known.version for known in registry.versions(name)]
    if not versions:
        raise NotFoundError(f"There is no model '{name}'.", hint=_known(registry, name))
    if version not in versions:
        raise NotFoundError(f"The model '{name}' has no version {version}.", hint=f"It has: {', '.join(versions)}.")


def _known(registry: ModelRegistry, name: str) -> str:
    names = registry.aliases()
    return did_you_mean(name, names) if names else "No model has been registered yet: millrace run NAME."
