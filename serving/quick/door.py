"""Lets predictions in, gathers those of one turn of the event loop, and answers them by one run of their model.

A row for a model that takes its time waits for it by itself (`waiting`).

The order is the one of the ordinary way: who asks, what it may do, what it sent, how often it asked; then the
prediction, its record, its answer. A request for which any of this does not go smoothly is declined, untouched but for
its count, and the ordinary way judges it again and words what is wrong. Only one refusal is given here: that a model
has too much to do, which must cost next to nothing just then. It runs on the event loop only.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from starlette.types import ASGIApp

from millrace.errors import MillraceError
from serving.access.addresses import real_address
from serving.access.callers import Caller
from serving.access.permissions import Permission
from serving.answers import now
from serving.logs import AccessLine
from serving.quick.answers import Bodies, Head, Refusals, whole
from serving.quick.asked import Asked, Target
from serving.quick.headers import Known, read_headers
from serving.quick.predicting import Wanted, predicted
from serving.quick.waiting import Waiting
from serving.records.entry import Entry, packed
from serving.request_key import LONGEST_KEY
from serving.requests import identity_of
from serving.runtime.admission import Admission, Place
from serving.runtime.answering import INLINE_BYTES, INLINE_ROWS
from serving.runtime.loaded_model import LoadedModel, Predictions
from serving.runtime.traffic import Choice

if TYPE_CHECKING:
    from serving.deps import Services
    from serving.quick.protocol import QuickProtocol

log = logging.getLogger(__name__)
_PREFIX, _SUFFIX = b"/api/v1/models/", b"/predict"
_ROUTE = "/api/v1/models/{name}/predict"
_QUERIES = {b"": False, b"?probabilities=false": False, b"?probabilities=true": True}
_MOST_TARGETS = 1_000
FIRST = 128
"""Requests that may go the ordinary way at once to a model of which nothing is known yet."""


class QuickDoor:
    """The door of one process."""

    def __init__(self, services: Services, security: tuple[tuple[bytes, bytes], ...]) -> None:
        self._services = services
        self._access = services.access
        self._security = security
        self._head = Head(b"200 OK", *security)
        self._full = Head(b"503 Service Unavailable", (b"retry-after", b"1"), *security)
        self._ignore_unknown = services.limits.serving_unknown_fields == "ignore"
        self.most_bytes = min(INLINE_BYTES, services.limits.serving_body_bytes)
        """Of a body; a larger one is decoded beside the event loop."""
        self._targets: dict[bytes, Target] = {}
        self._pending: list[Asked] = []
        self._loop = asyncio.get_running_loop()
        limits = services.limits
        self.ordinary = Admission(
            limits.serving_wait_seconds,
            note_shed=services.metrics.note_shed,
            first_rows=FIRST,
            paces=services.admission.paces,
        )
        """The requests for one row that went the ordinary way, from their last byte to the last of their answer."""

    def wants(self, url: bytes) -> bool:
        """Whether an address may be one that is answered here."""
        return url in self._targets or (url.startswith(_PREFIX) and self._learnt(url))

    def take(self, asked: QuickProtocol) -> bool | ASGIApp:
        """Let a whole request in, to be answered at the end of this turn, or by the application that is given.

        False: it must go the ordinary way.
        """
        entered = self._entered(asked)
        if entered is None:
            return False
        if entered.row is not None and not entered.choice.model.is_compiled:
            return self._waiting(entered)
        self._pending.append(entered)
        if len(self._pending) == 1:
            self._loop.call_soon(self.flush)
        return True

    def begin(self, asked: QuickProtocol) -> Place:
        """Note that a request went the ordinary way; `ordinary.end` follows its answer."""
        return self.ordinary.begin(self._targets[asked.url].name)

    def flush(self) -> None:
        """Answer what waits."""
        pending, self._pending = self._pending, []
        groups: dict[tuple[int, str], list[Asked]] = {}
        refused: dict[str, list[Asked]] = {}
        for asked in self._counted(pending):
            if asked.row is None:
                refused.setdefault(asked.target.name, []).append(asked)
            else:
                groups.setdefault((id(asked.choice.model), asked.choice.variant), []).append(asked)
        for name, group in refused.items():
            self._refuse(name, group)
        for group in groups.values():
            for start in range(0, len(group), INLINE_ROWS):
                self._settle(group[start : start + INLINE_ROWS])

    def _waiting(self, asked: Asked) -> bool | ASGIApp:
        if not self._access.rates.takes(asked.counted_as, asked.limit, 1):
            return False
        return Waiting(asked, asked.by.app, self._security, self._predicted, self._note_one)

    async def _predicted(self, asked: Asked) -> tuple[LoadedModel, Predictions]:
        rows = asked.choice.model.codec.rows(ignore_unknown=self._ignore_unknown)
        columns = rows.joined([asked.row or ()])
        return await self._services.answering.of_choice(asked.choice, columns, probabilities=asked.target.probabilities)

    def _note_one(self, asked: Asked, status: int) -> None:
        self._note([asked], time.perf_counter(), status)

    def _learnt(self, url: bytes) -> bool:
        path, mark, query = url.partition(b"?")
        name = path[len(_PREFIX) : -len(_SUFFIX)]
        if not path.endswith(_SUFFIX) or mark + query not in _QUERIES or len(self._targets) >= _MOST_TARGETS:
            return False
        if not name.isascii() or b"/" in name or b"%" in name:
            return False
        if name.decode("ascii") not in self._services.manager.models:  # whoever makes names up fills nothing
            return False
        self._targets[url] = Target(name.decode("ascii"), path.decode("ascii"), _QUERIES[mark + query])
        return True

    def _entered(self, asked: QuickProtocol) -> Asked | None:
        known, target = self._known(asked), self._targets[asked.url]
        if known is None or asked.client is None or len(asked.body) > self.most_bytes:
            return None
        address = self._address(asked.client[0], known)
        caller = self._caller(known, address, target.name)
        request_id = identity_of(known.request_id)
        choice = self._choice(target.name, known.key or request_id) if caller is not None else None
        if caller is None or choice is None:
            return None
        row, has_room = None, self.ordinary.has_room(target.name)
        if has_room or choice.model.is_compiled:  # reading a body that is refused would cost most of the refusal
            row = choice.model.codec.rows(ignore_unknown=self._ignore_unknown).row(asked.body)
        if row is None and has_room:
            return None
        who, limit = caller.counted_as(address), self._access.limit_of(caller)
        return Asked(asked, target, known, caller, address, who, limit, choice, row, request_id, time.perf_counter())

    def _address(self, peer: str, known: Known) -> str:
        proxies = self._access.proxies
        return real_address(peer, known.forwarded, proxies) if proxies else peer

    def _caller(self, known: Known, address: str, name: str) -> Caller | None:
        """Who asks; None where it is not known from memory, or may not ask this."""
        access = self._access
        if access.allowed and address not in access.allowed:
            return None
        caller = access.anonymous if known.token is None else access.identities.remembered(known.token)
        return caller if caller is not None and _may_predict(caller, name) else None

    def _choice(self, name: str, key: str) -> Choice | None:
        """Who answers; None where the ordinary way must see to it, as it does to a shadow."""
        traffic = self._services.traffic
        if traffic.shadow_of(name) is not None:  # asked first: a choice counts whom the champion stands in for
            return None
        try:
            return traffic.choose(name, key)
        except MillraceError:
            return None

    def _known(self, asked: QuickProtocol) -> Known | None:
        headers = asked.head
        if asked.seen is not None and asked.seen[0] == headers:
            return asked.seen[1]
        proxies = self._access.proxies
        behind_proxy = bool(proxies) and asked.client is not None and asked.client[0] in proxies
        known = read_headers(headers, behind_proxy=behind_proxy, longest_key=LONGEST_KEY)
        asked.seen = (headers, known)
        return known

    def _counted(self, pending: list[Asked]) -> Iterable[Asked]:
        """Those whose callers may ask so often; the others are declined."""
        counts: dict[str, int] = {}
        for asked in pending:
            counts[asked.counted_as] = counts.get(asked.counted_as, 0) + 1
        taken: dict[str, bool] = {}
        for asked in pending:
            who = asked.counted_as
            if who not in taken:
                taken[who] = self._access.rates.takes(who, asked.limit, counts[who])
            if taken[who]:
                yield asked
            else:
                asked.by.decline()

    def _settle(self, group: list[Asked]) -> None:
        """Answer a group; whatever goes wrong, nobody is left waiting."""
        try:
            self._answer(group)
        except Exception:
            log.exception("%d requests could not be answered on the short way", len(group))
            self._decline(group)

    def _decline(self, group: list[Asked]) -> None:
        for asked in group:
            if asked.by.waits:
                asked.by.decline()

    def _answer(self, group: list[Asked]) -> None:
        model, wanted = group[0].choice.model, [_wanted(asked) for asked in group]
        rows = model.codec.rows(ignore_unknown=self._ignore_unknown)
        try:
            columns, found = predicted(model, rows, wanted, self._services.cache)
        except MillraceError:  # the ordinary way asks for each alone, words the error and logs it
            self._decline(group)
            return
        self._record(group, columns, found, time.perf_counter())
        bodies = Bodies(model, found)
        for place, asked in enumerate(group):
            body = bodies.of(place, asked.request_id, probabilities=asked.target.probabilities)
            self._send(asked, self._head, body)
        self._note(group, time.perf_counter(), 200)

    def _refuse(self, name: str, group: list[Asked]) -> None:
        bodies = Refusals(self.ordinary.refusal(name, len(group)))
        for asked in group:
            self._send(asked, self._full, bodies.of(asked.request_id))
        self._note(group, time.perf_counter(), 503)

    def _send(self, asked: Asked, head: Head, body: bytes) -> None:
        is_secure = asked.known.is_secure or asked.by.scheme == "https"
        start = head.of(asked.by.server_state.default_headers, is_secure=is_secure)
        asked.by.answer(whole(start, asked.request_id, body))

    def _record(self, group: list[Asked], columns: dict[str, Any], found: Predictions, ended: float) -> None:
        """Keep the predictions before the answers go out."""
        (model, variant), log = group[0].choice, self._services.prediction_log
        version = model.version
        seconds = [ended - asked.started for asked in group]
        self._services.metrics.note_prediction(version.name, variant, len(group), *seconds)
        self._services.metrics.note_gathered(version.name, len(group))
        log.submit(
            Entry(
                version.name,
                version.version,
                variant,
                time.time(),
                [asked.request_id for asked in group],
                [asked.caller.name for asked in group],
                [asked.known.key for asked in group],
                [1000 * each for each in seconds],
                packed(columns, version.name, log.mask),
                found.values,
            )
        )

    def _note(self, group: list[Asked], ended: float, status: int) -> None:
        """Count the answers, and write their lines in the access log."""
        seconds, timestamp = [ended - asked.started for asked in group], now()
        self._services.metrics.note_requests("POST", _ROUTE, status, seconds)
        for asked, each in zip(group, seconds, strict=True):
            self._services.access_log.note(
                AccessLine(
                    timestamp=timestamp,
                    request_id=asked.request_id,
                    method="POST",
                    path=asked.target.path,
                    status=status,
                    milliseconds=round(each * 1000, 3),
                    user=asked.caller.name,
                    model=asked.target.name,
                )
            )


def _wanted(asked: Asked) -> Wanted:
    return Wanted(asked.row or (), asked.target.probabilities)


def _may_predict(caller: Caller, name: str) -> bool:
    return (
        caller.refusal is None
        and Permission.PREDICT in caller.permissions
        and (caller.models is None or name in caller.models)
    )
