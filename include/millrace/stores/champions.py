"""Moves the alias `champion` by a person's hand: promote a version, or go back to the one before.

Both hold the lock that a run's own promotion holds, so that a champion is decided by one at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from millrace.errors import ConflictError, NotFoundError, did_you_mean
from millrace.stores.base import ModelRegistry, RunStore

CHAMPION = "champion"


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


def promote(registry: ModelRegistry, runs: RunStore, name: str, version: str, by: str) -> Move:
    """Make a version the champion; repeating it changes nothing. Raises NotFoundError."""
    with runs.lock(f"champion/{name}", by):
        _require(registry, name, version)
        return _move(registry, runs, Move(name, _present(registry, name), version), by, "promoted")


def roll_back(registry: ModelRegistry, runs: RunStore, name: str, by: str, only_from: str | None = None) -> Move:
    """Make the champion before the present one the champion again; a further call goes further back.

    With `only_from`, it moves only while that version is the champion, so that a repeated call changes nothing.
    Raises NotFoundError, or ConflictError where another version than `only_from` and what it replaced is the champion.
    """
    with runs.lock(f"champion/{name}", by):
        present, past = _present(registry, name), registry.champions(name)
        if present is None:
            raise NotFoundError(f"The model '{name}' has no champion.", hint=_known(registry, name))
        if only_from not in {None, present}:
            return _already(Move(name, present, present), past, str(only_from))
        earlier = before(past, present)
        if earlier is None:
            raise NotFoundError(
                f"Version {present} is the first champion of '{name}'; there is none before it.",
                hint=f"Name the one you want: millrace models promote {name} VERSION.",
            )
        return _move(registry, runs, Move(name, present, earlier), by, f"rolled back from {present}")


def before(past: list[str], present: str) -> str | None:
    """The champion before `present` first became one: a version that was rolled back from is not come back to."""
    first = past.index(present) if present in past else len(past)
    return past[first - 1] if first > 0 else None


def _already(move: Move, past: list[str], only_from: str) -> Move:
    if only_from in past and before(past, only_from) == move.champion:
        return move
    raise ConflictError(
        f"The champion of '{move.name}' is version {move.champion}, not {only_from}.",
        hint="Look at 'millrace models list' and name the one to replace.",
    )


def _move(registry: ModelRegistry, runs: RunStore, move: Move, by: str, how: str) -> Move:
    if move.moved:
        registry.set_alias(move.name, CHAMPION, move.champion)
        mark = {"champion_since": datetime.now(UTC), "champion_by": by, "champion_how": how}
        runs.record_model({"name": move.name, "version": move.champion, **mark})
    return move


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
