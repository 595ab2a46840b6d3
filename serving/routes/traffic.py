"""Which version answers: the champion by promotion and rollback, and the shares of the others by a traffic rule.

What cannot be served is refused here, before anything changes; what fails later is stood in for by the champion.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from millrace.errors import ConflictError, RequestError
from millrace.stores import champions
from millrace.stores.champions import Move
from millrace.stores.traffic import CHAMPION, TrafficRule, TrafficSetting
from serving.access.callers import identify
from serving.access.permissions import Permission, require
from serving.answers import Answer, errors, now
from serving.deps import Services, ServicesDep
from serving.logs import request_id

router = APIRouter(prefix="/api/v1/models", tags=["traffic"])
_READ, _TRAFFIC, _PROMOTE = ([Depends(require(p))] for p in (Permission.READ, Permission.TRAFFIC, Permission.PROMOTE))
_REFUSALS = errors(401, 403, 404, 409, 422, 503)
WAIT_SECONDS = 20.0
"""How long a move waits for a run that is deciding on the champion."""


class NewTraffic(TrafficSetting):
    """The traffic to set: it takes the place of what was set before."""

    revision: int | None = Field(default=None, description="Only if this is the present revision; else 409.")


class TrafficAnswer(Answer):
    """How a model's requests are shared out, as this worker does it now."""

    model: str
    revision: int
    weights: dict[str, float]
    shadow: str | None
    shadow_share: float
    updated_at: str | None
    updated_by: str | None
    variants: list[dict[str, Any]] = Field(
        description="variant, version, share, shadow, fallbacks; error where the champion stands in for it."
    )


class Promotion(BaseModel):
    """The version that is to be the champion."""

    model_config = ConfigDict(extra="forbid")

    version: str = Field(min_length=1, max_length=64, description="A number, or an alias such as 'challenger'.")


class Rollback(BaseModel):
    """A condition of a rollback."""

    model_config = ConfigDict(extra="forbid")

    only_from: str | None = Field(
        default=None, max_length=64, description="Only while this version is the champion: safe to repeat."
    )


class MoveAnswer(Answer):
    """What became of the champion."""

    model: str
    champion: str
    before: str | None = Field(description="The champion until now.")
    moved: bool
    serving: str | None = Field(description="The version that this worker serves now.")
    rollback_to: str | None = Field(description="The version that a rollback would return to.")


@router.get("/{name}/traffic", dependencies=_READ, responses=errors(404, 503))
def traffic(name: str, services: ServicesDep) -> TrafficAnswer:
    """Show how the requests of a model are shared out between its versions."""
    services.manager.get(name)
    return _shown(name, services.rules.rules.get(name) or TrafficRule(name=name), services)


@router.put("/{name}/traffic", dependencies=_TRAFFIC, responses=_REFUSALS)
def set_traffic(name: str, given: NewTraffic, request: Request, services: ServicesDep) -> TrafficAnswer:
    """Share the requests of a model out between its versions; every worker follows within its poll interval."""
    present = services.traffic_store.get(name)
    if given.revision not in {None, present.revision}:
        raise ConflictError(
            f"The traffic of '{name}' is at revision {present.revision}, not {given.revision}.",
            hint="Look, then repeat.",
        )
    rule = present.model_copy(update=given.setting())
    _check(services, rule)
    return _stored(request, services, present, rule)


@router.delete("/{name}/traffic", dependencies=_TRAFFIC, responses=_REFUSALS)
def clear_traffic(name: str, request: Request, services: ServicesDep) -> TrafficAnswer:
    """Let the champion answer everything, and no shadow listen."""
    present = services.traffic_store.get(name)
    if present.revision == 0:
        services.manager.get(name)
        return _shown(name, present, services)
    return _stored(request, services, present, present.model_copy(update=TrafficSetting().setting()))


@router.post("/{name}/promote", dependencies=_PROMOTE, responses=_REFUSALS)
async def promote(name: str, given: Promotion, request: Request, services: ServicesDep) -> MoveAnswer:
    """Make a version the champion, once it has been loaded here; every worker follows within its poll interval."""

    def move() -> Move:
        number = _servable(services, name, given.version)
        work = partial(champions.promote, version=number)
        return _moved(request, services, name, "models.promote", number, work)

    return await _followed(services, await asyncio.to_thread(move))


@router.post("/{name}/rollback", dependencies=_PROMOTE, responses=_REFUSALS)
async def rollback(name: str, request: Request, services: ServicesDep, given: Rollback | None = None) -> MoveAnswer:
    """Make the champion before the present one the champion again; a further call goes one further back."""
    only_from = given.only_from if given is not None else None

    def move() -> Move:
        earlier = champions.previous(services.registry, name)
        if earlier is not None:
            _servable(services, name, earlier)
        work = partial(champions.roll_back, only_from=only_from)
        return _moved(request, services, name, "models.rollback", earlier, work)

    return await _followed(services, await asyncio.to_thread(move))


def _moved(
    request: Request, services: Services, name: str, action: str, to: str | None, work: Callable[..., Move]
) -> Move:
    present = services.registry.champion(name)
    # The lock belongs to its holder's name: two requests of one person are two holders.
    by = f"{identify(request).name} (request {request_id.get()})"
    return services.access.audit.change(
        request,
        action,
        f"model:{name}",
        partial(work, services.registry, services.runs, name, by=by, wait_seconds=WAIT_SECONDS),
        before={"champion": present.version if present else None},
        after={"champion": to},
    )


async def _followed(services: Services, move: Move) -> MoveAnswer:
    await services.watcher.look_now()
    serves = services.manager.models.get(move.name)
    return MoveAnswer(
        timestamp=now(),
        request_id=request_id.get(),
        model=move.name,
        champion=move.champion,
        before=move.before,
        moved=move.moved,
        serving=serves.version.version if serves else None,
        rollback_to=await asyncio.to_thread(champions.previous, services.registry, move.name),
    )


def _check(services: Services, rule: TrafficRule) -> None:
    """Refuse a rule whose variants cannot be loaded, or cannot answer in the champion's place."""
    services.manager.look()  # an alias may have moved since the last look
    champion = services.manager.get(rule.name)
    for label in rule.variants:
        if label == CHAMPION:
            continue
        reason = services.traffic.misfit(champion, services.variants.load(rule.name, label, force=True))
        if reason is not None:
            raise RequestError(f"'{label}' cannot have a part in the traffic of '{rule.name}': {reason}")


def _servable(services: Services, name: str, which: str) -> str:
    """The number of a version that can be the champion. Raises what says why it cannot."""
    services.manager.look()  # an alias may have moved since the last look
    number = services.variants.number(name, which)
    if services.registry.version(name, number).tags.get("millrace.task") != "forecast":  # which answers no rows
        services.variants.load(name, number, force=True)
    return number


def _stored(request: Request, services: Services, present: TrafficRule, rule: TrafficRule) -> TrafficAnswer:
    by = identify(request).name
    stored = services.access.audit.change(
        request,
        "models.traffic",
        f"model:{rule.name}",
        lambda: services.traffic_store.put(rule, by),
        before=present.recorded(),
        after=rule.recorded(),
    )
    services.rules.take(stored)
    return _shown(rule.name, stored, services)


def _shown(name: str, rule: TrafficRule, services: Services) -> TrafficAnswer:
    return TrafficAnswer(
        timestamp=now(),
        request_id=request_id.get(),
        model=name,
        revision=rule.revision,
        weights=rule.weights,
        shadow=rule.shadow,
        shadow_share=rule.shadow_share,
        updated_at=rule.updated_at.isoformat() if rule.updated_at else None,
        updated_by=rule.updated_by,
        variants=services.traffic.states(name),
    )
