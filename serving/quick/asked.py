"""A request that was let in: what it asks for, of whom, and who asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from serving.access.callers import Caller
    from serving.access.limits import Limit
    from serving.quick.headers import Known
    from serving.quick.protocol import QuickProtocol
    from serving.runtime.traffic import Choice


class Target(NamedTuple):
    """What an address asks for."""

    name: str
    path: str
    probabilities: bool


@dataclass(slots=True)
class Asked:
    """One request."""

    by: QuickProtocol
    target: Target
    known: Known
    caller: Caller
    address: str
    counted_as: str
    limit: Limit
    choice: Choice
    row: tuple[Any, ...] | None
    """None: it is refused, because the model has too much to do."""
    request_id: str
    started: float
