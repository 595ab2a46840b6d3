"""Which version of a model waits for a person. It reads the record and decides nothing."""

from __future__ import annotations

from serving.deps import Services

_LOOKED_AT = 50


def waiting_version(services: Services, name: str) -> str | None:
    """The challenger whose newest decision is that it waits; None where nobody is asked. Raises StorageError."""
    aliases = (services.manager.registry_state.aliases or {}).get(name, {})
    challenger = aliases.get("challenger")
    if challenger is None or challenger == aliases.get("champion"):
        return None  # a version that was refused keeps the alias, so the alias alone says little
    told = (one for one in services.runs.decisions(name, _LOOKED_AT) if one["version"] == challenger)
    newest = next(told, None)
    return challenger if newest is not None and newest["outcome"] == "waiting" else None
